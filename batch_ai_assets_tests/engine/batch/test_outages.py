"""An outage of a provider, as its batches live through it: paused, told of, probed, and gone on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.control.resuming import goes_on
from batch_ai_assets.engine.outage import look_after_outages
from batch_ai_assets.engine.standstills import standstills
from batch_ai_assets.engine.state import control_tables as t
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.local_provider.process import LocalProvider

from ..state.conftest import Clock
from ..world import World, world
from .instants import once_called
from .items import plain
from .test_alerts import lines

HURRIED = {
    "limits": {"concurrency": 4},
    "retry": {"timeout_seconds": 20.0, "unreachable_seconds": 0.6, "safe_window": "10m"},
}


@pytest.fixture
def here(own: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """The topics world with a clock of its own, at a provider that can be taken away."""
    provider = {"base_url": own.base_url}
    with world(tmp_path, own.base_url, HURRIED, provider) as made:
        store = StateStore(made.deps.store.database, Clock(1_700_000_000.0))
        made.deps = replace(made.deps, store=store)
        yield made


def clock(here: World) -> Clock:
    found = here.deps.store.clock
    assert isinstance(found, Clock)
    return found


def tick(here: World) -> list[str]:
    """What the sensor does; why batches go on."""
    jobs = {"topics": here.job}
    look_after_outages(jobs, here.deps)
    found = standstills(jobs, here.deps).values()
    return [why for one in found if (why := goes_on(one, clock(here).now))]


def paused_in_the_middle(here: World, own: LocalProvider, batch: str = "b1") -> None:
    with once_called(own, 40, lambda: own.outage(True)):
        assert here.run(batch).state is State.PAUSED


def open_alerts(here: World) -> list[tuple[str, str, str]]:
    found = [kept.alert for kept in here.deps.store.alerts.open()]
    return [(alert.kind, alert.batch, alert.severity) for alert in found]


def test_a_batch_pauses_for_an_outage_and_goes_on_by_itself_when_a_probe_is_answered(
    here: World, own: LocalProvider
) -> None:
    here.write_messages(plain(120))
    paused_in_the_middle(here, own)
    assert open_alerts(here) == [("provider_away", "b1", "warning")]

    clock(here).now += 16
    assert tick(here) == [], "the probe found it away"
    own.outage(False)
    clock(here).now += 5
    assert tick(here) == [], "it is not asked all the time"
    clock(here).now += 11
    assert tick(here) == ["its provider answers again"]
    assert open_alerts(here) != [], "it is over when a document is answered"

    assert here.run().state is State.COMPLETED
    assert open_alerts(here) == []
    assert [line["change"] for line in lines(here)] == ["opened", "resolved"]
    stats = own.stats()
    assert (stats["answers"], stats["answered_more_than_once"]) == (120, 0)


def test_jobs_on_one_provider_need_not_find_out_one_by_one(here: World, own: LocalProvider) -> None:
    here.write_messages(plain(120))
    paused_in_the_middle(here, own)
    calls = own.stats(items=False)["calls"]

    told = here.run("b2")
    assert told.state is State.PAUSED
    assert "as another run found out" in told.message
    assert own.stats(items=False)["calls"] == calls

    own.outage(False)
    clock(here).now += 31
    assert tick(here) == ["its provider answers again"] * 2


def test_a_run_at_work_pauses_when_another_one_finds_out(here: World, own: LocalProvider) -> None:
    here.write_messages(plain(900))
    store = here.deps.store
    with once_called(own, 40, lambda: store.outages.open("stub", "It was struck by lightning.")):
        outcome = here.run()
    assert outcome.state is State.PAUSED
    assert "struck by lightning" in outcome.message
    assert here.counts().holds


def test_a_provider_that_answers_probes_and_no_documents_is_left_alone_for_longer_and_longer(
    here: World,
) -> None:
    outages, now = here.deps.store.outages, clock(here)
    began = now.now
    waits = []
    for _ in range(6):
        outage = outages.open("stub", "HTTP 503")
        waits.append(outage.next_probe_at - now.now)
        now.now = outage.next_probe_at
        outages.passed("stub")
    assert waits == [15, 30, 60, 120, 120, 120]
    assert outage.since == began, "to people it is one outage"
    outages.answered("stub")
    now.now += 301
    fresh = outages.open("stub", "HTTP 503")
    assert (fresh.since, fresh.next_probe_at - now.now) == (now.now, 15)


def test_beyond_the_safe_window_it_is_an_error_and_consumers_are_told_once(
    here: World, own: LocalProvider
) -> None:
    here.write_messages(plain(120))
    paused_in_the_middle(here, own)
    for _ in range(3):
        clock(here).now += 400
        tick(here)
    assert open_alerts(here) == [("provider_away", "b1", "error")]
    assert [line["change"] for line in lines(here)] == ["opened", "grew"]
    with here.deps.store.database.read() as connection:
        [event] = connection.execute(sa.select(t.consumer_events)).mappings()
    body = json.loads(event["body"])
    assert (event["kind"], event["batch"]) == ("provider_away", "b1")
    assert (body["counts"]["items"], body["counts"]["pending"]) == (120, here.counts().pending)
    told = here.deps.tables.home("topics", "results", "b1") / "_event.json"
    assert json.loads(told.read_text()) == body, "those who read files are told the same"
    own.outage(False)
    clock(here).now += 400
    tick(here)
    assert here.run().state is State.COMPLETED
    assert json.loads(told.read_text())["kind"] == "arrived"


def test_the_deadline_ends_the_safe_window_where_it_comes_first(
    here: World, own: LocalProvider
) -> None:
    here.write_messages(plain(120))
    paused_in_the_middle(here, own)
    plan = here.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    here.deps.store.batches.mark(plan.plan_id, deadline_at=clock(here).now + 60)
    clock(here).now += 61
    tick(here)
    assert open_alerts(here) == [("provider_away", "b1", "error")]


def test_an_outage_that_no_batch_waits_for_any_more_is_over(
    here: World, own: LocalProvider
) -> None:
    here.write_messages(plain(120))
    paused_in_the_middle(here, own)
    here.deps.store.batches.move(
        "topics", "b1", State.CANCELLED, who="cli:tester", run_id="order"
    )
    clock(here).now += 40
    tick(here)
    assert open_alerts(here) == []
    assert here.deps.store.outages.unsettled() == []
