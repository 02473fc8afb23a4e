"""Which version a run works on, for every state a version can be in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.planning.versions import Step, frozen_job, next_step
from batch_ai_assets.engine.state.rows import Plan

from ..world import make_job


def plan(planned: bool = True, finished: bool = False, spec: str = "", **more: Any) -> Plan:
    return Plan(
        plan_id=1,
        job="topics",
        batch="b1",
        version=1,
        spec=spec,
        spec_hash="old",
        mode="resume",
        raw_path="/raw",
        items=1,
        work_plan_path=None,
        enriched_path=None,
        report_path=None,
        results_path=None,
        planned_at=1.0 if planned else None,
        started_at=None,
        finished_at=2.0 if finished else None,
        throttled=0,
    )


modes = st.sampled_from(["resume", "reprocess", "fresh"])
hashes = st.sampled_from(["old", "new"])


@given(mode=modes, spec_hash=hashes, untouched=st.booleans())
def test_what_was_never_planned_is_planned(mode: str, spec_hash: str, untouched: bool) -> None:
    for before in (None, plan(planned=False)):
        assert next_step(before, spec_hash, mode, untouched=untouched) is Step.PLAN


@given(mode=modes, untouched=st.booleans())
def test_an_unfinished_version_of_the_same_job_always_goes_on(mode: str, untouched: bool) -> None:
    assert next_step(plan(), "old", mode, untouched=untouched) is Step.RESUME


@pytest.mark.parametrize(
    ("mode", "untouched", "step"),
    [
        ("resume", False, Step.RESUME),
        ("resume", True, Step.PLAN),
        ("reprocess", False, Step.PLAN),
        ("fresh", False, Step.PLAN),
    ],
)
def test_a_corrected_job_counts_where_nothing_was_asked_or_where_it_is_asked_for(
    mode: str, untouched: bool, step: Step
) -> None:
    assert next_step(plan(), "new", mode, untouched=untouched) is step


@given(mode=modes, spec_hash=hashes)
def test_a_finished_version_has_a_successor_only_for_a_reason(mode: str, spec_hash: str) -> None:
    reason = mode != "resume" or spec_hash == "new"
    step = next_step(plan(finished=True), spec_hash, mode)
    assert step is (Step.PLAN if reason else Step.NOTHING)


def test_what_decides_results_stays_frozen_and_what_gets_a_batch_going_does_not() -> None:
    old = make_job(Path("/jobs"), {"prompt": {"version": "1"}})
    today = make_job(
        Path("/jobs"),
        {
            "prompt": {"version": "2"},
            "model": {"parameters": {"temperature": 1.0}},
            "budget": {"limit_usd": 77.0},
            "limits": {"concurrency": 3},
            "retry": {"max_attempts": 8},
            "sla": {"within": "2h"},
            "thresholds": {"min_items": 5},
        },
        {
            "base_url": "https://elsewhere.example.com/v1",
            "secret": "env:KEY",
            "limits": {"requests_per_minute": 7},
            "models": {"stub": {"price": "free", "context_tokens": 9}},
        },
    )
    frozen = frozen_job(plan(spec=old.model_dump_json(by_alias=True)), today)
    assert frozen.spec_hash() == old.spec_hash()
    assert frozen.spec.prompt.version == "1"
    assert frozen.spec.model.parameters.temperature == 0.0
    for name in ("budget", "limits", "retry", "sla", "thresholds"):
        assert getattr(frozen.spec, name) == getattr(today.spec, name)
    assert frozen.provider.base_url == "https://elsewhere.example.com/v1"
    assert frozen.provider.secret == "env:KEY"
    assert frozen.provider.limits.requests_per_minute == 7
    assert (frozen.offer.price, frozen.offer.context_tokens) == ("free", 16000)


def test_documents_go_to_the_provider_they_were_planned_for_and_to_no_other() -> None:
    old = make_job(Path("/jobs"), {"data_classification": "confidential"})
    other = make_job(
        Path("/jobs"),
        {"model": {"provider": "other"}},
        {"base_url": "https://other.example.com/v1", "secret": "env:OTHER"},
    )
    frozen = frozen_job(plan(spec=old.model_dump_json(by_alias=True)), other)
    assert frozen.provider == old.provider


def test_a_provider_that_lost_its_approval_gets_no_more_documents() -> None:
    old = make_job(Path("/jobs"), {"data_classification": "confidential"})
    today = make_job(Path("/jobs"), {}, {"approved_classes": ["public"]})
    with pytest.raises(SpecError, match="no longer approved"):
        frozen_job(plan(spec=old.model_dump_json(by_alias=True)), today)
