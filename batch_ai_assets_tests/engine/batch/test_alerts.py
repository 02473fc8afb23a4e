"""Alerts about dead letters: opened once, told again when they grow, resolved when none is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.alert import Alert, Change, change
from batch_ai_assets.engine.alerting import outbox
from batch_ai_assets.engine.control.alerts import dead_letters
from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import Kind

from ..world import World
from .items import named, plain


def lines(here: World) -> list[dict[str, Any]]:
    path = outbox(here.home)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def replay_all(here: World) -> None:
    decide(here.job, "b1", Kind.REPLAY, here.deps, who="cli:ada", why="the model was down")


def test_dead_letters_open_an_alert_that_is_resolved_when_none_is_left(topics: World) -> None:
    topics.write_messages([*plain(3), named("[[stub:500,500,500,ok]]"), named("SECRET-WORD")])
    topics.run()

    (kept,) = topics.deps.store.alerts.open()
    assert (kept.alert.kind, kept.alert.severity) == ("dead_letters", "error")
    assert kept.alert.figures == {"dead": 1.0, "finished": 5.0, "share": 0.2}
    assert "1 http_500" in kept.alert.message
    assert "batch-ai dlq list topics b1" in kept.alert.message
    assert topics.deps.store.alerts.untold() == [kept]

    topics.run()  # nothing has changed: nobody is told again
    assert [line["change"] for line in lines(topics)] == ["opened"]

    replay_all(topics)
    topics.run()
    assert topics.deps.store.alerts.open() == []
    assert [line["change"] for line in lines(topics)] == ["opened", "resolved"]
    assert "SECRET-WORD" not in outbox(topics.home).read_text()
    (gone,) = topics.deps.store.alerts.newest(9)
    assert gone.resolved_at is not None
    topics.deps.store.alerts.told(gone)
    assert topics.deps.store.alerts.untold() == []


def test_a_batch_without_dead_letters_alerts_nobody(topics: World) -> None:
    topics.write_messages(plain(3))
    topics.run()
    assert topics.deps.store.alerts.newest(9) == []
    assert lines(topics) == []


def test_an_outbox_that_cannot_be_written_stops_no_batch(topics: World) -> None:
    topics.write_messages([named("[[stub:refusal]]")])
    (topics.home / "alerts").write_text("a file where the folder should be")
    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS
    assert len(topics.deps.store.alerts.open()) == 1


def test_the_outbox_is_for_its_owner_only(topics: World) -> None:
    topics.write_messages([named("[[stub:refusal]]")])
    topics.run()
    assert outbox(topics.home).stat().st_mode & 0o077 == 0


def of(dead: int) -> Alert | None:
    return dead_letters(
        "j", "b", dead=dead, finished=1000, by_reason={"schema": dead}, error_at=0.001
    )


def test_the_reasons_that_an_alert_does_not_name_are_counted() -> None:
    by_reason = {"refusal": 5, "schema": 2, "taxonomy": 2, "empty_text": 1, "timeout": 2}
    alert = dead_letters("j", "b", dead=12, finished=20, by_reason=by_reason, error_at=1.0)
    assert alert is not None
    assert "(5 refusal, 2 schema, 2 taxonomy and 3 for 2 other reasons)" in alert.message


@pytest.mark.parametrize(
    ("before", "now", "becomes"),
    [
        (0, 0, Change.NOTHING), (0, 1, Change.OPEN), (1, 1, Change.NOTHING),
        (2, 1, Change.NOTHING), (1, 2, Change.TELL_AGAIN), (1, 0, Change.RESOLVE),
    ],
)  # fmt: skip
def test_an_open_alert_is_told_again_only_where_it_grew(
    before: int, now: int, becomes: Change
) -> None:
    assert change(of(now), of(before), "dead") is becomes


@given(st.integers(1, 2000), st.floats(0.0, 1.0))
def test_any_dead_letter_warns_and_above_the_bar_it_is_an_error(dead: int, bar: float) -> None:
    alert = dead_letters("j", "b", dead=dead, finished=2000, by_reason={}, error_at=bar)
    assert alert is not None
    assert alert.severity == ("error" if dead / 2000 > bar else "warning")
