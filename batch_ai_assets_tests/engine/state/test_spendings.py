"""Spendings: every money row in one month, and the parts of every grouping add up to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.costs import add_up
from batch_ai_assets.engine.figures import End
from batch_ai_assets.engine.reporting.costs import Sums
from batch_ai_assets.engine.state import tables as t
from batch_ai_assets.engine.state.rows import Status
from batch_ai_assets.engine.state.store import StateStore

from .conftest import fresh_store, planned

BORDER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0


@dataclass(frozen=True)
class Paid:
    batch: str
    at: float
    """Seconds after the border."""
    usd: float
    tokens: int
    end: End
    status: Status
    kind: str


PAID = st.builds(
    Paid,
    batch=st.sampled_from(["b1", "b2"]),
    at=st.one_of(st.sampled_from([-1e-3, 0.0, 1e-3]), st.floats(-20 * DAY, 20 * DAY)),
    usd=st.floats(0, 10),
    tokens=st.integers(0, 10_000),
    end=st.sampled_from([End.VALID, End.REVIEW, End.DEAD, End.PENDING, End.DISCARDED]),
    status=st.sampled_from([Status.ANSWERED, Status.PART, Status.INVALID, Status.SPLIT]),
    kind=st.sampled_from(["settled", "written_off"]),
)


def kept(store: StateStore, paid: list[Paid]) -> None:
    """The rows as a writer would have left them."""
    plans = {batch: planned(store, batch=batch) for batch in ("b1", "b2")}
    for plan in plans.values():
        store.batches.mark(plan.plan_id, started_at=BORDER - 21 * DAY)
    plan_ids = {batch: plan.plan_id for batch, plan in plans.items()}

    def work(connection: object) -> None:
        insert = store.database.insert
        for seq, one in enumerate(paid):
            plan, at = plan_ids[one.batch], BORDER + one.at
            item = (plan, seq, f"i{seq}", b"h", 1, one.end.value, "", 0, 0)
            attempt = (plan, seq, 0, 1, 0, 0, "r/1", one.status.value, b"h", None, "", at)
            row = (plan, seq, 0, 1, one.kind, one.tokens, 1, 0, one.usd, 0.0, at)
            for table, values in ((t.items, item), (t.checkpoints, attempt), (t.ledger, row)):
                insert(connection, table, [values])  # type: ignore[arg-type]

    store.database.run(work)


@settings(max_examples=20, deadline=None)
@given(st.lists(PAID, max_size=25))
def test_every_row_is_in_one_month_and_every_grouping_adds_up(paid: list[Paid]) -> None:
    with fresh_store() as store:
        kept(store, paid)
        months = [add_up(store, month) for month in ("2026-11", "2026-12")]
    before = [one for one in paid if BORDER + one.at < BORDER]
    for found, wanted in zip(months, (before, [o for o in paid if o not in before]), strict=True):
        assert found.total.calls == len(wanted)
        assert found.total.usd == pytest.approx(fsum(one.usd for one in wanted))
        assert found.total.tokens == sum(one.tokens + 1 for one in wanted)
        for parts in (found.jobs, found.providers, found.models, found.outcomes):
            sums = Sums.over([one.sums for one in parts])
            assert sums.usd == pytest.approx(found.total.usd)
            assert (sums.calls, sums.tokens) == (found.total.calls, found.total.tokens)
        vain = fsum(
            one.usd for one in wanted if one.status not in (Status.ANSWERED, Status.PART)
        )
        assert fsum(one.in_vain.usd for one in found.outcomes) == pytest.approx(vain)
        lost = fsum(one.usd for one in wanted if one.kind == "written_off")
        assert found.total.unanswered_usd == pytest.approx(lost)


def test_a_version_that_was_over_before_the_month_is_not_looked_at() -> None:
    with fresh_store() as store:
        old = planned(store)
        store.batches.mark(old.plan_id, started_at=BORDER - 9 * DAY, finished_at=BORDER - 5 * DAY)
        until = BORDER + 31 * DAY
        assert store.spendings.versions(BORDER, until) == []
        assert len(store.spendings.versions(BORDER - 31 * DAY, BORDER)) == 1
