"""The words that tell the options of a choice apart, and how many of them a text shares.

Vectors see what a text is about; between options about the same thing (two licences, two kinds of
refund) single words and pairs of words decide. A term counts for more the fewer options have it
(inverse frequency over the options) and the rarer it is in the language.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from .weights import Floats

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_FIRST_WORD = 1996
"""The model's vocabulary lists words by falling frequency from this id on, after characters."""


def terms(text: str) -> frozenset[str]:
    """Words, lower case and without a plural s, and pairs of neighbouring words."""
    words = [_singular(word) for word in _WORD.findall(text.lower())]
    pairs = (f"{first} {second}" for first, second in pairwise(words))
    return frozenset([*words, *pairs])


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Lexicon:
    """Terms of each option of one choice, with their weights."""

    def __init__(self, options: Sequence[str], vocabulary: Mapping[str, int]) -> None:
        """`options`: all that is said of each option (name, meaning, examples), one text each."""
        by_option = [terms(text) for text in options]
        spread = Counter(term for known in by_option for term in known)
        self._square = {
            term: (math.log((len(options) + 1) / count) * _rarity(term, vocabulary)) ** 2
            for term, count in spread.items()
        }
        self._by_option = by_option
        self._lengths = [self._length(known) for known in by_option]

    def overlap(self, text: str) -> Floats:
        """Cosine, 0 to 1, between the weighted terms of `text` and those of each option."""
        seen = terms(text) & self._square.keys()
        length = self._length(seen)
        return np.array(
            [
                sum(self._square[term] for term in seen & known) / (length * own or 1.0)
                for known, own in zip(self._by_option, self._lengths, strict=True)
            ],
            dtype=np.float32,
        )

    def _length(self, known: frozenset[str]) -> float:
        return math.sqrt(sum(self._square[term] for term in known))


def _rarity(term: str, vocabulary: Mapping[str, int]) -> float:
    """0 for the commonest words, towards 1 for rare ones; a pair is as rare as its rarer word."""
    last = len(vocabulary) - _FIRST_WORD
    places = (vocabulary.get(word, len(vocabulary)) - _FIRST_WORD for word in term.split())
    return max(math.log1p(place) / math.log1p(last) if place >= 0 else 1.0 for place in places)
