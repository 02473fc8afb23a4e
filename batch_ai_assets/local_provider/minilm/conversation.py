"""The documents and the examples of a chat request, told apart by who says them and where.

User messages after the last answer hold documents; user and assistant messages before it are
examples. What system messages say is for models that read instructions; this one goes by the
schema and the examples. Text between the marks of a document is data, whatever it says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..model import Message

_OPENING = re.compile(r'<document-(?P<mark>[0-9a-f]{12})(?: id="(?P<id>[^"\n]*)")?>\n?')


@dataclass(frozen=True, slots=True)
class Block:
    """One document of a request. `id` is set where the request names it."""

    text: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """An earlier document and the answer that was right for it."""

    text: str
    output: dict[str, Any]


def split(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """(what comes before, the user messages that hold the documents)."""
    end = len(messages)
    while end and messages[end - 1].role == "user":
        end -= 1
    return messages[:end], messages[end:]


def read_blocks(content: str) -> tuple[Block, ...]:
    """The marked documents of a text, in order; the whole text where none is marked.

    A document ends at the closing mark that repeats the digest of its opening one, so no other
    mark inside it counts.
    """
    blocks: list[Block] = []
    place = 0
    while opening := _OPENING.search(content, place):
        end = content.find(f"</document-{opening['mark']}>", opening.end())
        if end < 0:
            place = opening.end()
            continue
        text = content[opening.end() : end].removesuffix("\n")
        blocks.append(Block(text, opening["id"]))
        place = end + len(opening["mark"]) + len("</document->")
    return tuple(blocks) or (Block(content),)


def read_examples(messages: tuple[Message, ...]) -> tuple[Example, ...]:
    """Every document that an assistant message answers, with its answer.

    A turn whose answer is not JSON, or does not name the document, teaches nothing and is left out.
    """
    examples: list[Example] = []
    blocks: tuple[Block, ...] = ()
    for message in messages:
        if message.role == "user":
            blocks += read_blocks(message.content)
        elif message.role == "assistant":
            examples += _answered(blocks, message.content)
            blocks = ()
    return tuple(examples)


def _answered(blocks: tuple[Block, ...], content: str) -> list[Example]:
    try:
        said = json.loads(content)
    except ValueError:
        return []
    if not isinstance(said, dict):
        return []
    answers = said.get("answers")
    if not isinstance(answers, list):
        return [Example(block.text, said) for block in blocks[-1:]]
    by_id = {str(answer.get("id")): answer for answer in answers if isinstance(answer, dict)}
    return [Example(block.text, by_id[block.id]) for block in blocks if block.id in by_id]
