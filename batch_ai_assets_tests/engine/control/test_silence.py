"""What gives no sign of life is told; a platform that was never started, and a nap, are not."""

from __future__ import annotations

from batch_ai_assets.engine.control.silence import Sign, silent

NOW = 1_000_000.0
ALIVE = [Sign("daemon SENSOR", NOW - 20), Sign("daemon SCHEDULER", NOW - 40)]


def test_who_lives_is_not_told() -> None:
    assert silent(ALIVE, [Sign("sensor alerts", NOW - 100)], NOW) == {}


def test_a_daemon_that_never_ran_is_not_meant_to() -> None:
    assert silent([], [], NOW) == {}


def test_daemons_that_are_all_silent_are_one_thing() -> None:
    daemons = [Sign("daemon SENSOR", NOW - 900), Sign("daemon SCHEDULER", NOW - 700)]
    found = silent(daemons, [Sign("sensor alerts", NOW - 900)], NOW)
    assert list(found) == ["Dagster daemon"]
    assert found["Dagster daemon"].figures == {"seen_at": NOW - 700}


def test_a_daemon_or_sensor_that_is_silent_beside_others_is_told_by_name() -> None:
    daemons = [*ALIVE, Sign("daemon BACKFILL", NOW - 400)]
    sensors = [Sign("sensor resumes", NOW - 400, 15), Sign("sensor slow", NOW - 400, 600)]
    assert list(silent(daemons, sensors, NOW)) == ["daemon BACKFILL", "sensor resumes"]
