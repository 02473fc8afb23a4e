"""The documents inside a chat request: where they are, and what each is called.

A document lies in the last user message, delimited as

    <document-0123456789ab>
    …text…
    </document-0123456789ab>

where the twelve hex digits open the sha256 of the text. Several such blocks, each with ` id="…"`
in its opening tag, are several items packed into one request. A message without any block is one
document as a whole. Earlier user messages are examples, not documents.

Here: finding them. Not here: what is done with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Message

_OPENING = re.compile(r'<document-([0-9a-f]{12})(?: id="([^"\n]*)")?>\n')
_NAME = re.compile(r"\[\[id:([^\]\n]{1,200})\]\]")


@dataclass(frozen=True, slots=True)
class Document:
    """One item of a request."""

    item: str
    """Its name in `/stats`: the marker `[[id:NAME]]` in its text, else the first 12 hex digits of
    the sha256 of its text."""
    pack_id: str | None
    """Its id within a packed request; None where the request holds one, unnumbered."""
    text: str
    digest: bytes
    """sha256 of the text."""


def documents_of(messages: Sequence[Message]) -> tuple[Document, ...]:
    """The documents of the last user message, in order; empty where there is no user message."""
    for message in reversed(messages):
        if message.role == "user":
            return _blocks(message.content)
    return ()


def _blocks(content: str) -> tuple[Document, ...]:
    found: list[Document] = []
    at = 0
    while (opening := _OPENING.search(content, at)) is not None:
        closing = content.find(f"\n</document-{opening[1]}>", opening.end() - 1)
        if closing < 0:
            at = opening.end()
            continue
        found.append(_document(opening[2], content[opening.end() : closing]))
        at = closing + 1
    return tuple(found) or (_document(None, content),)


def _document(pack_id: str | None, text: str) -> Document:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    name = _NAME.search(text) if "[[id:" in text else None
    return Document(name[1] if name else digest.hex()[:12], pack_id, text, digest)
