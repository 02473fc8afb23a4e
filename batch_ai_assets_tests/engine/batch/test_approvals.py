"""What a batch may spend is decided before its first call, and by people, who are told in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from batch_ai_assets.engine.affordability import affordable
from batch_ai_assets.engine.approving import approve
from batch_ai_assets.engine.batch import Mode, newest_plan
from batch_ai_assets.engine.control.resuming import goes_on
from batch_ai_assets.engine.errors import OrderError
from batch_ai_assets.engine.standstills import standstills
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .items import plain

ASKS_FIRST = {"budget": {"limit_usd": 0.0005, "before_start": "approve"}}


def allow(here: World, usd: float, batch: str = "b1") -> str:
    return approve(here.job, batch, here.deps, who="cli:tester", why="month end", limit_usd=usd)


def kinds(here: World) -> dict[str, str]:
    """kind of each open alert → severity."""
    return {one.alert.kind: one.alert.severity for one in here.deps.store.alerts.open()}


def test_a_batch_above_its_budget_asks_nothing_until_it_is_approved(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, ASKS_FIRST) as here:
        here.write_messages(plain(300))

        halted = here.run()

        assert halted.state is State.HALTED
        assert halted.record is not None
        assert halted.record.reason == "awaiting_approval"
        assert "above 0.0005 USD" in halted.message
        assert "batch-ai approve topics b1" in halted.record.next_step
        assert server.stats()["calls"] == 0
        assert kinds(here) == {"stopped": "error"}
        assert here.run().state is State.HALTED, "running it again changes nothing"

        assert "up to 1.0000 USD" in allow(here, 1.0)
        waits = standstills({"topics": here.job}, here.deps)["topics", "b1"]
        assert goes_on(waits, here.deps.store.clock()) == "its approval was given"
        done = here.run()

        assert done.state is State.COMPLETED
        assert done.record is not None
        assert done.record.budget_usd == 1.0
        assert here.counts().valid == 300
        assert kinds(here) == {}


def test_an_approval_below_the_estimate_lets_it_begin_and_stops_it_there(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, ASKS_FIRST) as here:
        here.write_messages(plain(300))
        here.run()
        allow(here, 0.001)

        halted = here.run()

        assert halted.record is not None
        assert halted.record.reason == "budget"
        assert 0.0008 < halted.record.cost_usd <= 0.001
        assert kinds(here) == {"budget": "error"}
        later = here.deps.store.clock() + 60
        approve(here.job, "b1", here.deps, who="me", why="slow", deadline_at=later)
        waits = standstills({"topics": here.job}, here.deps)["topics", "b1"]
        assert not goes_on(waits, later), "more time is no more money"
        with pytest.raises(OrderError, match="are spent already"):
            allow(here, 0.0005)
        allow(here, 1.0)
        assert here.run().state is State.COMPLETED
        assert kinds(here) == {}
        assert server.stats()["answered_more_than_once"] == 0


def test_the_cap_of_a_month_holds_over_batches_and_an_approval_does_not_lift_it(
    server: LocalProvider, tmp_path: Path
) -> None:
    capped = {"budget": {"limit_usd": 1.0, "usd_per_month": 0.001, "before_start": "warn"}}
    with world(tmp_path, server.base_url, capped) as here:
        here.write_messages(plain(100))
        assert here.run("b1").state is State.COMPLETED
        here.write_messages(plain(200))

        halted = here.run("b2")

        assert halted.record is not None
        assert halted.record.reason == "month_cap"
        assert "the cap of topics for this month" in halted.message
        assert "batch-ai approve" not in halted.message
        assert kinds(here)["stopped"] == "error", "an alert about its own budget would mislead"
        allow(here, 5.0, "b2")
        assert here.run("b2").state is State.HALTED
        one, now = standstills({"topics": here.job}, here.deps)["topics", "b2"], time.time()
        assert not goes_on(one, now)
        assert "month is over" in goes_on(one, now + 32 * 86_400)


def test_what_earlier_batches_came_to_cost_is_what_is_expected(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url) as here:
        for number in range(4):
            here.write_messages(plain(20))
            assert here.run(f"b{number}").state is State.COMPLETED
        found = affordable(here.job, newest_plan(here.job, "b3", here.deps), here.deps)
        assert found.passed
        assert "learned from 4 batches" in found.found
        spent = here.deps.store.figures("topics", "b3").cost_usd
        assert found.figures["expected_usd"] == pytest.approx(spent, rel=0.1)
        assert found.figures["most_usd"] > spent


def test_a_batch_that_nears_its_budget_tells_somebody_while_it_runs(
    server: LocalProvider, tmp_path: Path
) -> None:
    near = {"budget": {"limit_usd": 0.0022}, "limits": {"concurrency": 2}}
    with world(tmp_path, server.base_url, near) as here:
        here.write_messages(plain(300))
        assert here.run().state is State.COMPLETED
        told = [one.alert for one in here.deps.store.alerts.newest(9)]
        assert [alert.kind for alert in told] == ["budget"]
        assert told[0].figures["share"] >= 0.8
        assert kinds(here) == {}, "it came to its end within the budget"


def test_the_next_version_of_a_completed_batch_waits_for_its_own_approval(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url) as here:
        here.write_messages(plain(300))
        assert here.run().state is State.COMPLETED
        here.job = make_job(here.home, ASKS_FIRST)

        assert here.run(mode=Mode.FRESH).state is State.HALTED

        assert here.deps.store.batches.state("topics", "b1") is State.HALTED
        allow(here, 1.0)
        waits = standstills({"topics": here.job}, here.deps)["topics", "b1"]
        assert goes_on(waits, here.deps.store.clock()) == "its approval was given"
        assert here.run().state is State.COMPLETED
        assert server.stats()["calls"] == 600


def test_a_version_from_stored_answers_costs_nothing_and_needs_no_approval(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url) as here:
        rows = plain(300)
        here.write_messages(rows)
        assert here.run().state is State.COMPLETED
        here.job = make_job(here.home, ASKS_FIRST)
        assert here.run(mode=Mode.REPROCESS).state is State.COMPLETED
        assert server.stats()["calls"] == 300
        here.write_messages([*rows, *plain(300)])
        assert here.run(mode=Mode.REREAD).state is State.HALTED, "what is new is paid"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"why": "x"}, "Nothing is approved"),
        ({"why": " ", "limit_usd": 1.0}, "Say why"),
        ({"why": "x", "limit_usd": -1.0}, "above 0"),
        ({"why": "x", "limit_usd": float("nan")}, "above 0"),
        ({"why": "x", "limit_usd": float("inf")}, "at most"),
        ({"why": "x", "limit_tokens": 2**63}, "at most"),
        ({"why": "x", "deadline_at": 1.0}, "1970-01-01 00:00 UTC is past"),
        ({"why": "x", "limit_usd": 1.0}, "completed: it needs no approval"),
    ],
)
def test_an_approval_that_makes_no_sense_is_refused(
    given: dict[str, object], said: str, server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url) as here:
        here.write_messages(plain(2))
        here.run()
        with pytest.raises(OrderError, match=said):
            approve(here.job, "b1", here.deps, who="me", **given)  # type: ignore[arg-type]
        with pytest.raises(OrderError, match="not planned yet"):
            approve(here.job, "b9", here.deps, who="me", why="x", limit_usd=1.0)
