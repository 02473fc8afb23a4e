"""Answer marks: what a decision does to the stored answers that it is about.

An answer that people accept or write is marked; one that is to be asked for again is withdrawn and
serves nobody any more. Always inside the transaction that records the decision (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import sqlalchemy as sa

from . import tables as t
from .answers import answer_id, hash_key, writer_bits
from .rows import Mark, Plan, Waiting

T = TypeVar("T")

_PER_STATEMENT = 1000
"""A database takes so many values in one statement, and not many times more."""


def accept(connection: sa.Connection, items: Sequence[Waiting]) -> None:
    """The answers of `items` are right, and take the place of any other to their questions."""
    right = {one.answer_id for one in items if one.answer_id}
    others = _answers_to(connection, items) - right  # a correction before, say
    _mark(connection, sorted(others), Mark.WITHDRAWN)
    _mark(connection, sorted(right), Mark.ACCEPTED)


def withdraw(connection: sa.Connection, plan: Plan, items: Sequence[Waiting]) -> None:
    """Stored answers that would serve these items again, those to their parts included."""
    c = t.checkpoints.c
    found = _answers_to(connection, items)
    for part in parts([one.seq for one in items]):
        used = connection.scalars(
            sa.select(c.answer_id).where(
                c.plan_id == plan.plan_id, c.seq.in_(part), c.answer_id.is_not(None)
            )
        )
        found |= {int(number) for number in used if number is not None}
    _mark(connection, sorted(found), Mark.WITHDRAWN)


def keep_corrected(
    connection: sa.Connection, item: Waiting, sealed: bytes, now: float
) -> None:
    """A person's answer to the question, newer than the model's: it serves from now on."""
    # In a transaction that has the lock of all writers: the newest id of all is the newest.
    newest = connection.scalar(sa.select(sa.func.max(t.answers.c.answer_id)))
    number = max(answer_id(int(now * 1_000_000), writer_bits()), (newest or 0) + 1)
    connection.execute(
        sa.insert(t.answers).values(
            answer_id=number, hash_key=hash_key(item.request_hash),
            request_hash=item.request_hash, sealed=sealed, confidence=None,
            tokens_in=0, tokens_out=0, cost_usd=0.0, created_at=now,
        )
    )  # fmt: skip
    _mark(connection, [number], Mark.CORRECTED)


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values`, as many at a time as a statement takes."""
    for start in range(0, len(values), _PER_STATEMENT):
        yield values[start : start + _PER_STATEMENT]


def _answers_to(connection: sa.Connection, items: Sequence[Waiting]) -> set[int]:
    """Stored answers to the same questions."""
    a, hashes = t.answers.c, {one.request_hash for one in items}
    found: set[int] = set()
    for part in parts([hash_key(one) for one in hashes]):
        equal = connection.execute(
            sa.select(a.answer_id, a.request_hash).where(a.hash_key.in_(part))
        )
        found |= {number for number, asked in equal if asked in hashes}
    return found


def _mark(connection: sa.Connection, answers: Sequence[int], mark: Mark) -> None:
    """The last word on an answer counts."""
    for part in parts(answers):
        connection.execute(
            sa.delete(t.answer_marks).where(t.answer_marks.c.answer_id.in_(part))
        )
        connection.execute(
            sa.insert(t.answer_marks), [{"answer_id": one, "mark": mark.value} for one in part]
        )
