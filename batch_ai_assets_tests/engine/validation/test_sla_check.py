"""The check of deadlines warns below 99 % and blocks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.validation.sla_check import sla

from ..world import make_job

SLA = {"sla": {"within": "1h"}}


@pytest.mark.parametrize(
    ("in_time", "passed", "found"),
    [
        ([], True, "no batch with a deadline yet"),
        ([True] * 3, True, "3 of the last 3 in time (100.00%)"),
        ([False, *[True] * 99], True, "99 of the last 100 in time (99.00%)"),
        ([False, *[True] * 98], False, "98 of the last 99 in time (98.99%)"),
        ([True, False], False, "1 of the last 2 in time (50.00%); this one is late"),
        ([False, None], False, "0 of the last 1 in time (0.00%)"),
    ],
)
def test_99_of_100_batches_are_in_time(
    in_time: list[bool | None], passed: bool, found: str, tmp_path: Path
) -> None:
    result = sla(make_job(tmp_path, SLA), in_time)
    assert (result.passed, result.found) == (passed, found)
    assert (result.severity, result.stops_release) == ("warn", False)


def test_a_job_without_a_deadline_passes(tmp_path: Path) -> None:
    assert sla(make_job(tmp_path), [False]).passed
