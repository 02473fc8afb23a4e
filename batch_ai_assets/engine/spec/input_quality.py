"""InputQualitySpec: the bars of the check on `raw_inputs`. Shapes only; the check is in
`engine/validation/input_quality.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from .base import Model, NonEmpty

Finding = Literal["empty", "duplicate", "undecodable", "over_long", "language_mix", "size"]

LANGUAGES = frozenset(
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu"
    " ext fa fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is"
    " it ja jv ka kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my"
    " nb ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv"
    " sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu".split()
)
"""What can be told from each other (`nb` is told as `no`)."""


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

    @field_validator("languages")
    @classmethod
    def _can_be_told(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        codes = tuple(code.strip().casefold().split("-")[0] for code in value)
        for given, code in zip(value, codes, strict=True):
            if code not in LANGUAGES:
                raise ValueError(
                    f"{given!r} is no language that can be told; write its ISO 639-1 code, such"
                    " as en, de or zh"
                )
        return codes
