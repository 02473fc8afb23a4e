"""The governance report where people find it: the command line, and an asset of each month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.assets.governance import KEY, governance_schedule
from batch_ai_assets.assets.monthly import month_before
from batch_ai_assets.definitions import build_defs

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]


def test_the_month_is_a_page_by_command_and_an_asset_in_the_ui(
    platform: Make, tmp_path: Path
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0

    page = tmp_path / "page.html"
    said = batch_ai("governance", "mail", "--output", str(page))
    assert said.exit_code == 0
    month = f"{datetime.now(UTC):%Y-%m}"
    assert said.output.splitlines()[0].startswith(f"mail/{month}: 1 batch, ")
    assert "mail/monday: in error:" in said.output
    assert "monday" in page.read_text()
    assert batch_ai("governance", "mail", "monday").exit_code == 0

    asset = next(one for one in build_defs(here.registry).assets or () if KEY in one.keys)
    made = dg.materialize(
        [asset], instance=here.instance, partition_key=month,
        resources=build_defs(here.registry).resources or {},
    )  # fmt: skip
    (shown,) = made.asset_materializations_for_node("governance_report")
    assert shown.metadata["batches"].value == 1
    assert "mail" in str(shown.metadata["report"].value)
    assert Path(str(shown.metadata["html_report"].value)).is_file()


def test_what_is_not_there_is_said(platform: Make) -> None:
    platform(job_file())
    missing = batch_ai("governance", "mail", "friday")
    assert missing.exit_code == 1
    assert "There is no record of mail/friday yet" in missing.output
    assert "is no month; write 2026-11" in batch_ai("governance", "--month", "May").output
    assert batch_ai("governance", "mail", "friday", "--month", "2026-11").exit_code == 2
    empty = batch_ai("governance", "--month", "2001-02")
    assert (empty.exit_code, empty.output.splitlines()[0]) == (
        0, "2001-02: 0 batches, 0 errors, 0 warnings, 0 decisions",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "month"),
    [("2026-12-01", "2026-11"), ("2027-01-01", "2026-12"), ("2026-03-31", "2026-02")],
)
def test_the_schedule_writes_the_month_that_has_ended(at: str, month: str) -> None:
    assert month_before(datetime.fromisoformat(at)) == month
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(at).replace(tzinfo=UTC),
        repository_def=build_defs().get_repository_def(),
    )
    (request,) = governance_schedule().evaluate_tick(context).run_requests or ()
    assert (request.partition_key, request.run_key) == (month, month)
