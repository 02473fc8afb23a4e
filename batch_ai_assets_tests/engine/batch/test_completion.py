"""The completion record: there in every ending, and its figures are those of the provider."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, world
from .instants import once_called
from .items import messages, named, plain, price


def record_of(here: World, batch: str = "b1") -> dict[str, Any]:
    text = here.deps.store.batches.latest_record("topics", batch)
    assert text is not None
    record: dict[str, Any] = json.loads(text)
    return record


def check_figures(record: dict[str, Any], stats: dict[str, Any]) -> None:
    assert record["conservation"]["holds"]
    assert record["calls"] + record["throttled"] == stats["calls"]
    assert record["asked"] == stats["distinct_items"]
    assert record["tokens_in"] == stats["prompt_tokens"]
    assert record["tokens_out"] == stats["completion_tokens"]
    billed = price(stats["prompt_tokens"], stats["completion_tokens"])
    assert record["cost_usd"] == pytest.approx(billed)


def test_a_completed_batch_agrees_with_the_provider(server: LocalProvider, tmp_path: Path) -> None:
    with world(tmp_path, server.base_url, {"sla": {"within": "1h"}}) as here:
        here.write_messages(
            [*plain(30), *messages("[[stub:429(0.02),ok]]", "[[stub:500,ok]]", "[[stub:schema]]")]
        )
        outcome = here.run()

        record = record_of(here)
        assert outcome.record is not None
        assert json.loads(outcome.record.model_dump_json()) == record
        check_figures(record, server.stats())
        assert record["state"] == "completed_with_dead_letters"
        assert record["dead_by_reason"] == {"schema": 1}
        assert (record["throttled"], record["retries"], record["answered"]) == (1, 3, 32)
        assert (record["sla_seconds"], record["sla_met"]) == (3600.0, True)
        assert {check["name"] for check in record["checks"]} >= {"completeness", "lineage", "rules"}
        assert record["results_location"] == str(tmp_path / "data/topics/results/b1/run-1")
        assert "batch-ai dlq list topics b1" in record["next_step"]
        assert json.loads(record["frozen_spec"])["spec"]["job"] == "topics"


def test_each_cohort_is_measured_against_its_known_truth(
    server: LocalProvider, tmp_path: Path
) -> None:
    judged = {
        "input": {"attributes": ["label", "half"]},
        "evaluation": {"field": "topic", "truth": "label", "cohort": "half"},
    }
    with world(tmp_path, server.base_url, judged) as here:
        rows = [{**row, "label": "card", "half": f"h{n % 2}"} for n, row in enumerate(plain(80))]
        here.write_messages([*rows, {**named(), "half": "h0"}])
        here.run()

        right = {row["item_id"] for row in here.results() if row["topic"] == "card"}
        record = record_of(here)
        assert [cohort["cohort"] for cohort in record["accuracy"]] == ["all", "h0", "h1"]
        for cohort in record["accuracy"]:
            mine = [row for row in rows if cohort["cohort"] in ("all", row["half"])]
            assert cohort["n"] == len(mine), "an item without a known truth does not count"
            assert cohort["correct"] == sum(row["id"] in right for row in mine)
            assert cohort["low"] <= cohort["share"] <= cohort["high"]


@pytest.mark.parametrize(
    ("ending", "reason", "spec"),
    [
        ("[[stub:quota]]", "provider", {}),
        ("", "budget", {"budget": {"limit_usd": 0.00015}}),
        (
            "[[stub:refusal]]",
            "checks",
            {"thresholds": {"min_items": 1, "block": ["dead_letter_rate"]}},
        ),
    ],
    ids=["provider", "budget", "checks"],
)
def test_a_halted_batch_is_on_record_with_what_to_do(
    ending: str, reason: str, spec: dict[str, Any], server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {**spec, "limits": {"concurrency": 1}}) as here:
        here.write_messages([*plain(20), *messages(ending)])
        outcome = here.run()

        record = record_of(here)
        assert (record["state"], record["reason"]) == ("halted", reason)
        assert record["message"] == outcome.message
        assert "batch-ai run topics --batch b1" in record["next_step"]
        assert record["results_location"] is None
        stats = server.stats()
        refused = stats["calls"] - stats["answers"]
        check_figures(
            {**record, "throttled": record["throttled"] + refused},
            {**stats, "distinct_items": stats["distinct_items"] - refused},
        )
        assert [step.to_state for step in here.deps.store.transitions("topics", "b1")] == [
            "planned",
            "running",
            "halted",
        ]


def test_an_interrupted_batch_is_on_record_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    from ..world import stub

    with stub(latency_ms=20) as server, world(tmp_path, server.base_url) as here:
        here.write_messages(plain(300))
        with once_called(server, 60, lambda: os.kill(os.getpid(), signal.SIGTERM)):
            outcome = here.run()

        assert outcome.state is State.INTERRUPTED
        record = record_of(here)
        assert (record["state"], record["reason"]) == ("interrupted", "terminated")
        check_figures(record, server.stats())
        assert here.run().state is State.COMPLETED
        assert server.stats()["answered_more_than_once"] == 0
        check_figures(record_of(here), server.stats())


def test_a_failed_batch_is_on_record(topics: World) -> None:
    def burst() -> None:
        raise OSError(28, "No space left on device")

    topics.write_messages(plain(3))
    parts = iter([None, None, burst])  # manifest, work plan, then the answers

    def after_part() -> None:
        if (action := next(parts, None)) is not None:
            action()

    failpoints.arm("after_parquet_part", after_part)
    try:
        outcome = topics.run()
    finally:
        failpoints.disarm_all()

    assert outcome.state is State.FAILED
    record = record_of(topics)
    assert (record["state"], record["reason"]) == ("failed", "storage")
    assert "No space left on device" in record["message"]
    assert record["answered"] == 3
    assert topics.run().state is State.COMPLETED


def test_every_step_of_a_batch_is_kept_with_who_and_why(topics: World) -> None:
    topics.write_messages(messages("[[stub:quota,ok]]", ""))
    topics.run()
    topics.run()
    steps = topics.deps.store.transitions("topics", "b1")
    assert [(step.from_state, step.to_state, step.reason) for step in steps] == [
        (None, "planned", ""),
        ("planned", "running", ""),
        ("running", "halted", "provider"),
        ("halted", "running", ""),
        ("running", "completed", ""),
    ]
    assert [step.run_id for step in steps] == ["run-1"] * 3 + ["run-2"] * 2
    assert {step.who for step in steps} == {"test"}
    times = [step.at for step in steps]
    assert times == sorted(times)
