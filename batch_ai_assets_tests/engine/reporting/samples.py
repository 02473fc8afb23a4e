"""Completion records of batches that went well, badly, or never began."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from batch_ai_assets.engine.figures import BatchFigures, Conservation, ShardFigures
from batch_ai_assets.engine.reporting.completion import (
    CompletionRecord,
    ConservationRecord,
    GroupRecord,
    RateRecord,
    SavingRecord,
)
from batch_ai_assets.engine.spec.job import ThresholdsSpec
from batch_ai_assets.engine.validation.accuracy import evaluate
from batch_ai_assets.engine.validation.checks import (
    dead_letter_rate,
    failure_rate,
    validation_pass_rate,
)
from batch_ai_assets.engine.validation.completeness_check import RowsFound, completeness

STARTED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MIXED = Conservation(items=10_003, valid=9_412, review=388, dead=3, skipped=200)
REASONS = {"taxonomy": 1, "rule:permissive_is_not_copyleft": 2}


SHARDS = tuple(
    ShardFigures(
        shard=number, group="rest", items=400, valid=390, review=9, dead=int(number == 23),
        pending=0, calls=402, retries=2, tokens=200_000, cost_usd=0.17, seconds=52.0,
    )
    for number in range(24)
)  # fmt: skip
GROUPS = (
    GroupRecord(
        group="rest", prompt_version="3", shards=24, to_ask=9_803, tokens_in=4_700_000,
        largest_shard=1.01, truncated=2,
    ),
)  # fmt: skip
SAVED = (
    SavingRecord(what="skipping", documents=200, tokens=98_000, cost_usd=0.08),
    SavingRecord(what="stored_answers", documents=41, tokens=20_090, cost_usd=0.017),
    SavingRecord(what="packing", calls=1_200, tokens=400_000, cost_usd=0.04),
)
RATES = (RateRecord(of="requests", per_minute=448.0, allowed_per_minute=500.0),)


def make_record(counts: Conservation = MIXED, **changes: Any) -> CompletionRecord:
    """A batch that completed with dead letters; `changes` bend it."""
    figures = BatchFigures(
        conservation=counts, asked=9_803, first_try_failed=120, answered=9_802,
        dead_by_reason=REASONS,
    )  # fmt: skip
    bars = ThresholdsSpec()
    known: dict[str, Any] = {
        "job": "licence_screening",
        "batch": "2026-11-22",
        "version": 1,
        "owner": "team:open-source",
        "purpose": "Which licence family does each package's licence text belong to?",
        "data_classification": "public",
        "state": "completed_with_dead_letters",
        "message": "3 documents need a person.",
        "run_id": "5b9c3f1e-7c1d-4d5e-9f64-3f2a1c0b9d8e",
        "who": "schedule:licence_screening_daily",
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(seconds=1325),
        "duration_seconds": 1325.4,
        "sla_seconds": 1800.0,
        "sla_met": True,
        "spec_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "frozen_spec": json.dumps({"job": "licence_screening", "rules": [{"sql": "a < b"}]}),
        "provider": "local",
        "model": "minilm-classifier",
        "model_version": "1",
        "prompt_version": "3",
        "schema_version": "2",
        "conservation": ConservationRecord.of(counts),
        "dead_by_reason": REASONS,
        "tokens_in": 4_812_330,
        "tokens_out": 203_118,
        "cost_usd": 4.2071,
        "budget_usd": 5.0,
        "asked": 9_803,
        "answered": 9_802,
        "from_store": 41,
        "calls": 9_930,
        "retries": 127,
        "throttled": 12,
        "items_per_second": 7.4,
        "cpu_seconds": 61.2,
        "peak_rss_bytes": 183_500_800,
        "checks": (
            completeness(counts, RowsFound(counts.valid, counts.valid)),
            failure_rate(figures, bars),
            dead_letter_rate(figures, bars),
            validation_pass_rate(figures, bars),
        ),
        "accuracy": evaluate(
            [("odd", "a", "a")] * 180 + [("odd", "b", "a")] * 20 + [("even", "a", "a")] * 7
        ),
        "results_location": "/srv/batch-ai/data/licence_screening/results/2026-11-22/run-1",
        "next_step": "Read the dead letters: batch-ai dlq list licence_screening 2026-11-22",
    }
    return CompletionRecord(**{**known, **changes})


def make_halted() -> CompletionRecord:
    """A batch that stopped at its budget, with nothing released."""
    counts = Conservation(items=1_000_000, pending=998_001, valid=1_998, dead=1)
    return make_record(
        counts,
        state="halted",
        reason="budget",
        message="The next call would pass the budget of $5.00.",
        results_location=None,
        cost_usd=5.4,
        sla_seconds=600.0,
        sla_met=False,
        accuracy=(),
        next_step="Raise budget.limit_usd or approve more, then run the batch again.",
    )


def make_empty() -> CompletionRecord:
    """A batch without documents, on a free model."""
    return make_record(
        Conservation(items=0), state="completed", message="", dead_by_reason={}, checks=(),
        accuracy=(), budget_usd=None, budget_tokens=None, sla_seconds=None, sla_met=None,
        results_location=None, next_step="", asked=0, answered=0, cost_usd=0.0,
    )  # fmt: skip
