"""What the sensor `watch` and `batch-ai watch` find, and whom they tell."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.consumer_delivery import checked, tell_consumers
from batch_ai_assets.engine.consumers import LATE, tell
from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.registry import Registry
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.watching import watch
from batch_ai_assets.signs_of_life import look_for_silence
from batch_ai_assets.watch_sensor import watch_sensor

from .engine.state.conftest import Clock
from .hooks import Hook, listening
from .jobs import job_file, registry_of
from .running import Platform, batch_ai

Make = Callable[..., Platform]
DAY = 86_400.0
NOON = 1_780_000_000.0 // DAY * DAY + DAY / 2
DAILY = {"cadence": "daily", "at": "02:00", "window": "file_time"}


@pytest.fixture
def hook(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with listening() as here:
        monkeypatch.setenv("CONSUMER", f"http://127.0.0.1:{here.port}/late")
        yield here


@pytest.fixture
def mail(tmp_path: Path) -> Registry:
    job = job_file(consumer_webhook="env:CONSUMER", batches=DAILY)
    return registry_of(tmp_path / "registry", job)


def begun(store: StateStore, batch: str, items: int = 0) -> None:
    """A batch of the job that was planned with so many documents."""
    store.batches.move("mail", batch, State.PLANNED, who="test", run_id="r1")
    store.batches.begin_plan(
        "mail", batch, spec="{}", spec_hash="h", mode="resume", raw_path="/raw", items=items
    )


def test_consumers_are_told_until_they_have_taken_it_and_then_no_more(
    hook: Hook, mail: Registry
) -> None:
    with open_deps() as deps:
        for _ in range(2):
            tell("mail", "monday", 1, LATE, {"counts": {"items": 3}}, deps)
        hook.status = 503
        told = tell_consumers(mail.jobs, deps)
        assert (told.taken, hook.got) == (0, [])
        assert told.lines == [
            "mail/monday: its consumer_webhook has not taken the news; it is sent again."
        ]
        hook.status = 200
        assert tell_consumers(mail.jobs, deps).taken == 1
        assert tell_consumers(mail.jobs, deps).taken == 0
    (body,) = hook.got
    assert (body["kind"], body["batch"], body["counts"]) == ("late", "monday", {"items": 3})


def test_an_event_of_a_job_without_a_webhook_waits_for_nobody(home: Path, tmp_path: Path) -> None:
    jobs = registry_of(tmp_path / "registry", job_file()).jobs
    with open_deps() as deps:
        tell("mail", "monday", 1, LATE, {}, deps)
        assert tell_consumers(jobs, deps).lines == []


@pytest.mark.parametrize("address", ["http://example.com/x", "ftp://127.0.0.1/x", "https://", "x"])
def test_news_go_over_tls_or_nowhere(address: str) -> None:
    with pytest.raises(SpecError) as refused:
        checked(address, "env:CONSUMER")
    assert "example.com" not in str(refused.value)


def test_a_window_without_a_batch_is_told_until_it_has_one(home: Path, mail: Registry) -> None:
    with open_deps() as deps:
        clock = Clock(NOON)
        here = replace(deps, store=StateStore(deps.store.database, clock))
        assert watch(mail.jobs, here) == [], "nothing was due since it is watched"
        clock.now += DAY
        (line,) = watch(mail.jobs, here)
        assert line.startswith("mail/2026-05-28: no batch, due since 2026-05-29 02:00 UTC.")
        assert watch(mail.jobs, here) == [line]
        begun(here.store, "2026-05-28")
        (line,) = watch(mail.jobs, here)
        assert line.startswith("mail/2026-05-28: its window came empty.")
        clock.now += DAY
        begun(here.store, "2026-05-29", items=4)
        assert watch(mail.jobs, here) == []
        assert [kept.alert.kind for kept in here.store.alerts.newest(9)] == ["missing_batch"]
        assert here.store.alerts.open() == []


def test_a_daemon_that_fell_silent_is_told_until_it_is_back(
    home: Path, mail: Registry
) -> None:
    with open_deps() as deps, dg.instance_for_test() as instance:
        assert look_for_silence(instance, mail.jobs, deps) == []
        heartbeat(instance, time.time() - 900)
        (line,) = look_for_silence(instance, mail.jobs, deps)
        assert line.startswith("The Dagster daemon is silent since ")
        heartbeat(instance, time.time())
        assert look_for_silence(instance, mail.jobs, deps) == []
        assert deps.store.alerts.open() == []


def heartbeat(instance: dg.DagsterInstance, at: float) -> None:
    for daemon in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, daemon, "one", []))


def test_the_sensor_and_the_command_line_find_the_same(
    platform: Make, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    job: dict[str, Any] = job_file(sla={"within": "1s"}, consumer_webhook="env:CONSUMER")
    here = platform(job)
    with open_deps() as deps:
        then = StateStore(deps.store.database, Clock(time.time() - 60))
        then.batches.move("mail", "monday", State.PLANNED, who="test", run_id="r1")
    printed = batch_ai("watch").output
    assert "mail/monday: missed its deadline" in printed
    assert "It is planned. When it will be done cannot be told." in " ".join(printed.split())
    assert "its consumer_webhook" not in printed
    engine = Connections(open_deps())
    context = dg.build_sensor_context(instance=here.instance, resources={"engine": engine})
    skipped = watch_sensor(registry_of(here.home / "again", job).jobs).evaluate_tick(context)
    engine.close()
    assert skipped.skip_message is not None
    assert "mail/monday: missed its deadline" in skipped.skip_message
    assert [one["kind"] for one in hook.got] == ["late"]
    assert hook.got[0]["expected_at"] is None
    outbox = (here.home / "alerts" / "outbox.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in outbox] == ["sla_missed"]
