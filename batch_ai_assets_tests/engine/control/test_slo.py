from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.control.slo import Ended, Objective, objectives, slo_breach, words
from batch_ai_assets.engine.spec.job import JobSpec

from ..world import make_job

GOOD = Ended(True, True, asked=1000, failed_at_first=5, finished=1000, dead=0,
             answers=1000, passed=1000)  # fmt: skip
NAMES = (
    "completion_on_time", "within_budget", "failure_rate", "dead_letter_rate",
    "validation_pass_rate",
)  # fmt: skip


def job(**changes: Any) -> JobSpec:
    return make_job(Path("topics"), changes).spec


def found(*ended: Ended, **changes: Any) -> dict[str, Objective]:
    return {one.name: one for one in objectives(job(**changes), ended)}


def test_the_defaults_are_those_of_the_pattern() -> None:
    targets = {name: one.target for name, one in found().items()}
    assert targets == dict(zip(NAMES, (0.99, 1.0, 0.02, 0.001, 0.995), strict=True))


def test_nothing_measured_is_no_breach() -> None:
    assert [one for one in found().values() if one.breached] == []
    assert slo_breach("topics", list(found().values())) is None


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (Ended(in_time=False), "completion_on_time"),
        (Ended(within_budget=False), "within_budget"),
        (Ended(asked=1000, failed_at_first=60), "failure_rate"),
        (Ended(finished=1000, dead=3), "dead_letter_rate"),
        (Ended(answers=1000, passed=970), "validation_pass_rate"),
    ],
)
def test_one_bad_batch_among_good_ones_misses_the_objective_that_it_is_bad_at(
    bad: Ended, name: str
) -> None:
    missed = [one.name for one in found(GOOD, bad).values() if one.breached]
    assert missed == [name]


def test_an_objective_is_kept_at_its_target_exactly() -> None:
    late = Ended(in_time=False)
    assert not found(*[GOOD] * 99, late)["completion_on_time"].breached
    assert found(*[GOOD] * 98, late)["completion_on_time"].breached


def test_a_job_that_promises_less_is_held_to_that() -> None:
    late = Ended(in_time=False)
    assert found(GOOD, late)["completion_on_time"].breached
    assert not found(GOOD, late, slo={"completion_on_time": 0.5})["completion_on_time"].breached


def test_a_few_documents_are_shown_and_are_no_breach() -> None:
    one = found(Ended(finished=10, dead=1))["dead_letter_rate"]
    assert (one.kept, one.breached) == (False, False)
    assert found(Ended(finished=10, dead=1), thresholds={"min_items": 10})[
        "dead_letter_rate"
    ].breached


def test_one_alert_names_all_that_was_missed_and_what_to_do() -> None:
    bad = Ended(in_time=False, finished=1000, dead=3)
    alert = slo_breach("topics", list(found(GOOD, bad).values()))
    assert alert is not None
    assert alert.dedup_key == "slo_breach/topics/"
    assert alert.figures["missed"] == 2
    assert "completion_on_time, dead_letter_rate" in alert.title
    assert "dead_letter_rate is 0.15% of 2,000 documents" in alert.message
    assert "batch-ai dlq list topics" in alert.message


def test_a_share_that_nobody_measured_is_said_in_words() -> None:
    assert "not measured yet" in words(found()["within_budget"])
