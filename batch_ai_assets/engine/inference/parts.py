"""Parts: a text that is longer than the model takes, cut into several that are not.

How many there are follows from its length alone, so a plan knows it without the text. Where they
end is decided here, by the text; what is asked of them is `request.py`'s, how their answers become
one is `merging.py`'s.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from ..tokens import count_tokens, token_bounds

_LEAST_ROOM = 64
"""Tokens: a part with less room would be a shred of a text."""
_SPARE = 8
"""That part of the room is left free by the plan: ends move to better places within it, and a text
that is cut may count a token more."""
_BREAKS = (
    re.compile(rb"\n\s*\n"),
    re.compile(rb"\n"),
    re.compile(rb"[.!?][\"')\]]*(?=\s)|\xe3\x80\x82|\xef\xbc[\x81\x9f]"),
    re.compile(rb"(?<=\S)(?=\s)"),
)
"""Ends of paragraphs, lines, sentences (in Chinese and Japanese too), words; the best first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a text, asked like a document of its own."""

    number: int
    """From 1, in the order of the text."""
    text: str
    input_hash: bytes
    """sha256 of the part's text: what its request hash is made of."""
    tokens: int


@dataclass(frozen=True, slots=True)
class Division:
    """How texts that are too long are cut. The same text is always cut in the same places."""

    room: int
    """Tokens that a part may have."""
    overlap: int
    """Tokens at the end of a part that stand in the next one too, at most."""
    most: int
    """Parts that a text may be cut into."""

    @property
    def possible(self) -> bool:
        """Whether parts have room enough, beside what they repeat."""
        return self.room >= _LEAST_ROOM and self.overlap <= self.room // 2

    def divides(self, tokens: int) -> bool:
        """Whether a text of so many tokens is cut: it is too long, but not hopelessly so."""
        return self.possible and 1 < self.parts_of(tokens) <= self.most

    def parts_of(self, tokens: int) -> int:
        """How many parts a text of so many tokens is cut into; asked where parts are possible.

        Parts are of the same length, whatever it is, so that none is a mere remainder.
        """
        if tokens <= self.room:
            return 1
        new = self.room - self.room // _SPARE - self.overlap
        return -(-(tokens - self.overlap) // new)

    def tokens_of(self, tokens: int) -> int:
        """Tokens of all parts of such a text together, at most."""
        return tokens + (self.parts_of(tokens) - 1) * self.overlap

    def cut(self, text: str) -> list[Part]:
        """The parts of `text`, none longer than the room. Every character is in one at least.

        There are `parts_of` its tokens, but for texts that count far more tokens once they are cut.
        """
        data, bounds = text.encode(), token_bounds(text)
        numbers = count(1)
        return [
            Part(next(numbers), piece, hashlib.sha256(piece.encode()).digest(), tokens)
            for start, end in self._spans(data, bounds)
            for piece, tokens in self._fitting(data, bounds, start, end)
        ]

    def _spans(self, data: bytes, bounds: Sequence[int]) -> Iterator[tuple[int, int]]:
        """First token of each part, and the one behind its last.

        Ends lie about evenly, so no end depends on where another one came to lie.
        """
        tokens = len(bounds) - 1
        parts, sway = self.parts_of(tokens), self.room // _SPARE // 3
        repeated, back = self.overlap, min(self.overlap // 2, sway)
        start = 0
        for number in range(1, parts):
            even = repeated + (tokens - repeated) * number // parts
            end = _best_break(data, bounds, even - sway, even, even + sway)
            yield start, end
            start = end - repeated
            start = _best_break(data, bounds, start, start, start + back) if repeated else end
        yield start, tokens

    def _fitting(
        self, data: bytes, bounds: Sequence[int], start: int, end: int
    ) -> Iterator[tuple[str, int]]:
        """The text between two tokens, counted anew; in halves where it has too many tokens now."""
        piece = data[bounds[start] : bounds[end]].decode()
        (tokens,) = count_tokens([piece])
        if tokens <= self.room:
            yield piece, tokens
            return
        middle, sway = (start + end) // 2, (end - start) // _SPARE
        middle = _best_break(data, bounds, middle - sway, middle, middle + sway)
        yield from self._fitting(data, bounds, start, middle)
        yield from self._fitting(data, bounds, middle, end)


def _best_break(data: bytes, bounds: Sequence[int], low: int, wanted: int, high: int) -> int:
    """The token from `low` to `high` before which a text is best cut; near `wanted` among equals.

    Where nothing ends there, any token near `wanted` that does not begin inside a character.
    """
    for kind in _BREAKS:
        ends = (match.end() for match in kind.finditer(data, bounds[low], bounds[high]))
        found = [
            token for end in ends if bounds[token := bisect_left(bounds, end, low, high)] == end
        ]
        if found:
            return min(found, key=lambda token: abs(token - wanted))
    return next(
        token
        for distance in count()
        for token in (wanted - distance, wanted + distance)
        if bounds[token] == len(data) or data[bounds[token]] & 0xC0 != 0x80
    )
