"""WorkItem: one item on its way to the provider, and how it is asked once more.

Values only. Where items come from is `feed.py`'s, which of them are next `line.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from .divided import Divided
from .outcome import Failure, FailureClass


@dataclass(frozen=True, slots=True)
class Correction:
    """What is asked otherwise, after an invalid answer. No part of the request hash: the answer
    that comes is one to the same question."""

    error: str
    """What was wrong with the answer; it never quotes the document. Empty: nothing is said."""
    longer: bool = False
    """The answer was cut: it may be longer now."""


class WorkItem(msgspec.Struct):
    """One item on its way to the provider."""

    seq: int
    item_id: str
    text: str
    input_hash: bytes
    request_hash: bytes
    tokens: int
    """Of what is asked of the document."""
    shard: int
    attempt: int
    """Number of the coming attempt, from 1."""
    splits: int = 0
    """How often it was asked together with others, and the request came to nothing."""
    together: int = 1
    """How many items, this one included, may be asked in one request."""
    correction: Correction | None = None
    """What is asked otherwise than the first time."""
    part: int = 0
    """Which part of `whole` it is, from 1; 0: an item of its own."""
    whole: Divided | None = None
    """The document that it is a part of."""


def corrected(item: WorkItem, failure: Failure) -> WorkItem | None:
    """The item as it is asked once more after an invalid answer; None where that was done.

    The error goes with the document, an answer that was cut gets more room, and it goes alone.
    Once: a model that errs twice in the same way will err again.
    """
    if item.correction is not None or failure.kind is not FailureClass.INVALID:
        return None
    cut = failure.reason == "truncated"
    correction = Correction("" if cut else failure.message, longer=cut)
    return replace(item, attempt=item.attempt + 1, together=1, correction=correction)


def split_off(item: WorkItem, company: int) -> WorkItem:
    """The item as it is asked after a request for `company` items came to nothing."""
    return replace(item, splits=item.splits + 1, together=halved(company))


def in_smaller_company(items: list[WorkItem]) -> list[WorkItem]:
    """Items that were not asked, as they are asked in requests of half the size."""
    return [replace(item, together=halved(len(items))) for item in items]


def alone(item: WorkItem) -> WorkItem:
    """An item that was not asked, as it is asked without company."""
    return replace(item, together=1)


def halved(company: int, times: int = 1) -> int:
    """How many items go together once a request for `company` of them failed so many times."""
    for _ in range(times):
        company = (company + 1) // 2
    return company
