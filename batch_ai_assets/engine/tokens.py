"""Counting and cutting by tokens: exact for the o200k vocabulary, offline.

Models with another vocabulary count otherwise; for them the figure is an estimate, which the
`usage` of each answer corrects. What a whole request costs is reckoned in `planning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quicktok import Tokenizer

ENCODING = "o200k_base"
MESSAGE_TOKENS = 16
"""What a chat format adds round one document, tokens."""
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


def cut_to(text: str, tokens: int) -> str:
    """The beginning of `text`: at most `tokens` tokens, no character broken in two."""
    tokenizer = _tokenizer()
    ids = tokenizer.encode_ordinary(text)
    if len(ids) <= tokens:
        return text
    # A beginning that was cut inside a word may count a token more when it stands alone.
    for kept in range(max(tokens, 0), 0, -1):
        beginning: str = tokenizer.decode_bytes(ids[:kept]).decode("utf-8", "ignore")
        if len(tokenizer.encode_ordinary(beginning)) <= tokens:
            return beginning
    return ""


def token_bounds(text: str) -> list[int]:
    """Where the tokens of `text` begin, as offsets in its UTF-8 bytes, and where the last one ends.

    A token may begin inside a character.
    """
    tokenizer = _tokenizer()
    ids = tokenizer.encode_ordinary(text)
    lengths = {token: len(tokenizer.decode_single_token_bytes(token)) for token in set(ids)}
    return list(accumulate(map(lengths.__getitem__, ids), initial=0))


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
