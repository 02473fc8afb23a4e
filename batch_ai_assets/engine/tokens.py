"""Counting tokens at planning: exact for the o200k vocabulary, offline.

Models with another vocabulary count otherwise; for them the figure is an estimate, which the
`usage` of each answer corrects. What a whole request costs is reckoned elsewhere in `planning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quicktok import Tokenizer

ENCODING = "o200k_base"
_CHUNK_CHARACTERS = 4_000_000


def count_tokens(texts: list[str]) -> list[int]:
    """Tokens of each text, in the order given.

    Text that looks like a special token, such as `<|endoftext|>`, is counted as plain text. Call
    it with a few hundred texts at once; the first call in a process loads the vocabulary (0.4 s).
    """
    import quicktok

    tokenizer = _tokenizer()
    counts: list[int] = []
    for chunk in _chunks(texts):
        counts.extend(quicktok.count_batch(tokenizer, chunk, threads=1).tolist())
    return counts


def upper_bound(text: str) -> int:
    """More tokens than this the text cannot have: its UTF-8 bytes. Costs next to nothing."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@cache
def _tokenizer() -> Tokenizer:
    import quicktok

    return quicktok.get_encoding(ENCODING)


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    """Bounds how many token ids the library holds at a time."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        if chunk and characters + len(text) > _CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
        chunk.append(text)
        characters += len(text)
    if chunk:
        yield chunk
