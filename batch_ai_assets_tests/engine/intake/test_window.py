from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.window import refuse_past_snapshot, window_of

from .jobs import job_for


@pytest.mark.parametrize(
    ("cadence", "key"),
    [
        ("daily", "2026-02-30"), ("daily", "20261122"), ("daily", "2026-w47-1"),
        ("daily", "9999-12-31"), ("hourly", "2026-11-22"), ("hourly", "2026-11-22-24"),
        ("weekly", "2026-11-22"), ("monthly", "2026-11-01"), ("monthly", "2026-13"),
    ],
)  # fmt: skip
def test_a_key_of_another_shape_is_refused_with_one_that_would_do(
    cadence: str, key: str, tmp_path: Path
) -> None:
    job = job_for(tmp_path, batches={"cadence": cadence})

    with pytest.raises(IntakeError, match=rf"not a key of its {cadence} batches; write .*2026-11"):
        window_of(job, key)


def test_a_named_batch_has_no_window(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="no window of time; give the job a cadence"):
        window_of(job_for(tmp_path), "monday")


NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_a_snapshot_of_the_past_cannot_be_taken_any_more(tmp_path: Path) -> None:
    job = job_for(tmp_path, batches={"cadence": "daily"})

    refuse_past_snapshot(job, "2026-11-21", NOW)
    with pytest.raises(IntakeError, match=r"2026-11-20 .* is past.*belongs to batch 2026-11-21"):
        refuse_past_snapshot(job, "2026-11-20", NOW)


def test_a_snapshot_may_wait_for_its_turn_until_the_next_one_is_due(tmp_path: Path) -> None:
    job = job_for(tmp_path, batches={"cadence": "daily", "at": "23:50"})

    refuse_past_snapshot(job, "2026-11-21", datetime(2026, 11, 23, 0, 30, tzinfo=UTC))
    with pytest.raises(IntakeError, match="is past"):
        refuse_past_snapshot(job, "2026-11-21", datetime(2026, 11, 23, 23, 50, tzinfo=UTC))


@pytest.mark.parametrize(
    ("batches", "given"),
    [
        ({"cadence": "daily", "window": "file_time"}, {}),
        ({"cadence": "daily", "window": "path"}, {"path": "inbox/{date}"}),
        ({"cadence": "daily"}, {"path": "inbox/{date}"}),
        ({"cadence": "daily"}, {"path": None, "asset": "upstream"}),
        (
            {"cadence": "daily"},
            {"path": None, "sql": {"url": "env:DB", "query": "SELECT * FROM t WHERE d = :batch"}},
        ),
        ({}, {}),
    ],
)
def test_a_batch_that_says_itself_what_is_in_it_can_be_read_at_any_time(
    batches: dict[str, Any], given: dict[str, Any], tmp_path: Path
) -> None:
    refuse_past_snapshot(job_for(tmp_path, batches=batches, **given), "2026-10-01", NOW)
