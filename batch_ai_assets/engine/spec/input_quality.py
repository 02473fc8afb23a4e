"""InputQualitySpec: the bars of the check on `raw_inputs`. Shapes only; the check is in
`engine/validation/input_quality.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Model, NonEmpty

Finding = Literal["empty", "duplicate", "undecodable", "over_long", "language_mix", "size"]


class InputQualitySpec(Model):
    """What is expected of the documents of a batch. Shares between 0 and 1."""

    empty: float = Field(default=0.01, ge=0, le=1)
    """A larger share of documents without visible text is a finding."""
    duplicate: float = Field(default=0.05, ge=0, le=1)
    """A larger share of documents that are the same as another one of the batch is a finding."""
    undecodable: float = Field(default=0.01, ge=0, le=1)
    """A larger share of documents that cannot be read as text is a finding."""
    over_long: float = Field(default=0.05, ge=0, le=1)
    """A larger share of documents that are too long for the model is a finding."""
    languages: tuple[NonEmpty, ...] = ()
    """Languages that are expected (ISO 639-1, such as en); none: the mix is shown, not judged."""
    other_languages: float = Field(default=0.05, ge=0, le=1)
    """A larger share of documents in other languages is a finding."""
    size_factor: float = Field(default=3.0, gt=1)
    """A batch with more than so many times the items of the median of the last ten batches, or
    fewer than that part of it, is a finding."""
    block: tuple[Finding, ...] = ()
    """Findings that stop the batch before the first call. By default they only warn."""
