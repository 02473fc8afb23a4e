"""The documents of a crash test: what each is, how often it must be asked, how it must end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

_FAULTS = {
    7: ("[[stub:refusal]]", 1, "refusal"),
    57: ("[[stub:500,ok]]", 2, None),
    107: ("[[stub:malformed,ok]]", 2, None),
    157: ("", 0, "empty_text"),
}
"""Place within every 200 documents → (marker, calls, reason of its death)."""


@dataclass(frozen=True)
class Document:
    """One document, by the name that the stub's /stats knows it by."""

    item_id: str
    text: str
    calls: int = 1
    """Calls that it needs if nothing is killed."""
    dead: str | None = None
    """Why it ends dead; None: it is valid."""

    @property
    def row(self) -> dict[str, Any]:
        return {"id": self.item_id, "text": self.text}

    @property
    def input_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def plain(name: str, number: int, marker: str = "", calls: int = 1) -> Document:
    """A document that ends valid."""
    item_id = f"{name}-{number:04d}"
    long = " and so on" * 20 if number % 3 == 0 else ""
    return Document(item_id, f"[[id:{item_id}]]{marker} message number {number}{long}", calls)


def mixed(name: str, count: int) -> list[Document]:
    """Mostly plain ones, with some that fail once, some that end dead, some that are empty."""
    documents = []
    for number in range(count):
        marker, calls, dead = _FAULTS.get(number % 200, ("", 1, None))
        document = plain(name, number, marker, calls)
        if dead:
            text = "" if dead == "empty_text" else document.text
            document = Document(document.item_id, text, calls, dead)
        documents.append(document)
    return documents
