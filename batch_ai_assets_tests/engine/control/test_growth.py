"""In how many weeks a batch no longer fits its time: from the trend, whatever one batch did."""

from __future__ import annotations

from typing import Any

import pytest

from batch_ai_assets.engine.control.growth import Growth, growth, outgrows
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.state.past import Past

from ...jobs import job_file

DAY, HOUR = 86_400.0, 3600.0
SLA = {"sla": {"within": "4h"}}
DAILY = {"batches": {"cadence": "daily"}}


def spec(**changes: Any) -> JobSpec:
    return JobSpec.model_validate(job_file(**changes))


def past(*hours: float, allowed: float | None = 4 * HOUR) -> list[Past]:
    """One batch a day, each of so many hours."""
    made = []
    for day, long in enumerate(hours):
        ended = 1_000_000.0 + day * DAY
        due = None if allowed is None else ended - long * HOUR + allowed
        made.append(
            Past(day, 1, int(1000 * long), ended - long * HOUR, ended, ended - long * HOUR, due)
        )
    return made


def found(job: JobSpec, batches: list[Past]) -> Growth:
    made = growth(job, batches)
    assert made is not None
    return made


def test_a_batch_that_grows_is_told_weeks_before_it_outgrows_its_deadline() -> None:
    grown = found(spec(**SLA), past(*(2.0 + 0.1 * day for day in range(8))))
    # 2.7 h now, 0.7 h more each week, 4 h allowed.
    assert grown.weeks == pytest.approx(1.3 / 0.7)
    alert = outgrows("mail", grown)
    assert alert is not None
    assert (alert.kind, alert.severity, alert.title) == (
        "outgrows_window", "warning", "mail: its batches outgrow their time in 2 weeks",
    )  # fmt: skip
    assert "each week brings +700 documents a batch" in alert.message


def test_slow_growth_alerts_nobody() -> None:
    grown = found(spec(**SLA), past(*(2.0 + 0.01 * day for day in range(8))))
    assert grown.weeks == pytest.approx(1.93 / 0.07)
    assert outgrows("mail", grown) is None


def test_one_odd_batch_does_not_bend_the_trend() -> None:
    hours = [2.0] * 9
    hours[7] = 30.0
    assert found(spec(**SLA), past(*hours)).weeks is None


def test_a_batch_that_takes_too_long_already_has_no_week_left() -> None:
    grown = found(spec(**SLA), past(*[5.0] * 6))
    assert grown.weeks == 0.0
    assert outgrows("mail", grown) is not None


def test_a_job_without_a_deadline_is_measured_by_its_window_and_its_hours() -> None:
    batches = past(*[6.0] * 6, allowed=None)
    assert found(spec(**DAILY), batches).allowed_seconds == DAY
    night = {"from": "22:00", "until": "06:00"}
    hours = spec(batches={"cadence": "daily", "off_peak": night})
    assert found(hours, batches).allowed_seconds == 8 * HOUR
    assert growth(spec(), batches) is None


@pytest.mark.parametrize("batches", [past(), past(2, 3, 4, 5)])
def test_few_batches_tell_no_trend(batches: list[Past]) -> None:
    assert growth(spec(**SLA), batches) is None
