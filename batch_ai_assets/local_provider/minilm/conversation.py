"""The solved examples of a chat request: earlier documents, each with the answer that was right.

What system messages say is for models that read instructions; this one goes by the schema and by
the examples. Where documents lie in a message is in `local_provider/documents.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..documents import Document, documents_of
from ..model import Message


@dataclass(frozen=True, slots=True)
class Example:
    """An earlier document and the answer that was right for it."""

    text: str
    output: dict[str, Any]


def read_examples(messages: Sequence[Message]) -> tuple[Example, ...]:
    """Every document that an assistant message answers, with its answer.

    A turn whose answer is not JSON, or does not name the document, teaches nothing and is left out.
    """
    examples: list[Example] = []
    asked: tuple[Document, ...] = ()
    for message in messages:
        if message.role == "user":
            asked = documents_of([message])
        elif message.role == "assistant":
            examples += _answered(asked, message.content)
            asked = ()
    return tuple(examples)


def _answered(asked: tuple[Document, ...], content: str) -> list[Example]:
    try:
        said = json.loads(content)
    except ValueError:
        return []
    if not isinstance(said, dict):
        return []
    answers = said.get("answers")
    if not isinstance(answers, list):
        return [Example(document.text, said) for document in asked]
    by_id = {str(answer.get("id")): answer for answer in answers if isinstance(answer, dict)}
    return [Example(one.text, by_id[one.pack_id]) for one in asked if one.pack_id in by_id]
