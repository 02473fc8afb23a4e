"""What a person does now: every ending names its own way on, and what is hidden in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.reporting.next_step import next_step

from ..world import make_job

JOB = make_job(Path("/jobs/topics"))


def said(state: str, reason: str = "", **figures: object) -> str:
    counts = figures.pop("counts", Conservation(3, valid=3))
    assert isinstance(counts, Conservation)
    return next_step(JOB, "b1", state, reason, BatchFigures(counts, **figures))  # type: ignore[arg-type]


def test_a_clean_end_asks_for_nothing() -> None:
    assert said("completed") == "Nothing."


def test_a_batch_without_documents_says_where_it_looked() -> None:
    assert "messages.jsonl" in said("completed", counts=Conservation(0))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": None, "asset": "other"}, "input.asset is 'other'"),
        ({"path": None, "sql": {"url": "env:X", "query": "SELECT 1"}}, "the query in input.sql"),
    ],
)
def test_a_batch_of_another_source_says_where_it_looked(source: Any, words: str) -> None:
    job = make_job(Path("/jobs/topics"), {"input": source})
    figures = BatchFigures(Conservation(0))
    assert words in next_step(job, "b1", "completed", "", figures)


def test_a_batch_of_files_that_arrived_empty_does_not_blame_the_folder() -> None:
    job = make_job(
        Path("/jobs/topics"), {"batches": {"cadence": "on_arrival", "arrival": {"items": 1}}}
    )
    words = next_step(job, "b1", "completed", "", BatchFigures(Conservation(0)))
    assert words == "No document was found: the files that arrived for this batch hold none."


def test_a_batch_whose_documents_were_refused_is_read_anew() -> None:
    words = said("halted", "checks", counts=Conservation(3, pending=3))
    assert "mend the input" in words
    assert "`batch-ai run topics --batch b1` reads it anew" in words
    assert "--reprocess" not in words


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("paused", "person", "`batch-ai resume topics b1` lets it go on."),
        ("paused", "provider", "Nothing: it goes on by itself once its provider answers."),
        ("waiting", "window", "Nothing: it goes on by itself when its off-peak hours begin."),
        ("cancelled", "person", "Nothing: it was given up. Another batch may take its documents."),
        ("halted", "month_cap", "by itself when the next month begins (UTC)"),
    ],
)
def test_a_batch_that_waits_or_was_given_up_asks_nobody_to_mend_a_cause(
    state: str, reason: str, words: str
) -> None:
    assert words in said(state, reason, counts=Conservation(3, pending=3))


def test_dead_letters_name_the_way_to_ask_them_again() -> None:
    words = said(
        "completed_with_dead_letters", counts=Conservation(3, valid=2, dead=1),
        dead_by_reason={"http_500": 1},
    )  # fmt: skip
    assert "batch-ai dlq list topics b1" in words
    assert "batch-ai dlq replay topics b1 --all --root-cause TEXT" in words


def test_only_what_the_provider_failed_at_is_replayed() -> None:
    dead = Conservation(9, valid=5, dead=4)
    reasons = {"timeout": 1, "http_503": 2, "schema": 1}
    words = said("completed_with_dead_letters", counts=dead, dead_by_reason=reasons)
    assert "topics b1 --reason http_503 --reason timeout --root-cause TEXT`" in words
    assert "Where prompt, schema or model is to be mended" in words
    assert "--reread" not in words

    words = said("completed_with_dead_letters", counts=dead, dead_by_reason={"rejected": 4})
    assert "dlq replay" not in words
    assert "--reread` reads them again" in words
    assert "`batch-ai dlq discard topics b1 --why TEXT -- ITEM...`" in words


def test_documents_that_are_still_dead_from_an_earlier_batch_are_not_passed_over() -> None:
    words = said(
        "completed", counts=Conservation(3, skipped=3),
        skipped_by_reason={"unchanged": 2, "open_dead_letter": 1},
    )  # fmt: skip
    assert words.startswith(
        "1 document skipped here ended dead in an earlier batch and has not changed since"
    )


@pytest.mark.parametrize("state", ["interrupted", "failed"])
def test_a_batch_that_stopped_on_its_way_is_run_again(state: str) -> None:
    words = said(state, counts=Conservation(3, pending=3))
    assert "`batch-ai run topics --batch b1` goes on where it stopped" in words
