"""The cost report where people find it: the command line, and an asset of each month."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.assets.costs import KEY, cost_schedule, months_due
from batch_ai_assets.definitions import build_defs

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters

Make = Callable[..., Platform]


def test_the_month_is_a_table_by_command_and_an_asset_in_the_ui(
    platform: Make, tmp_path: Path
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0

    page = tmp_path / "page.html"
    said = batch_ai("costs", "--output", str(page))
    month = f"{datetime.now(UTC):%Y-%m}"
    assert said.output.startswith(f"{month}: $")
    assert "By job" in said.output
    assert max(map(len, said.output.replace(str(page), "").splitlines())) <= 100
    assert "mail" in page.read_text()
    record = json.loads(batch_ai("costs", month, "--job", "mail", "--json").output)
    assert (record["job"], record["jobs"][0]["results"]) == ("mail", 2)

    definitions = build_defs(here.registry)
    asset = next(one for one in definitions.assets or () if KEY in one.keys)
    made = dg.materialize(
        [asset], instance=here.instance, partition_key=month,
        resources=definitions.resources or {},
    )  # fmt: skip
    (shown,) = made.asset_materializations_for_node("cost_report")
    assert shown.metadata["tokens"].value == record["total"]["tokens_in"] + (
        record["total"]["tokens_out"]
    )
    assert "mail" in str(shown.metadata["report"].value)
    assert Path(str(shown.metadata["html_report"].value)).is_file()


def test_what_is_no_month_and_no_job_is_said(platform: Make) -> None:
    platform(job_file())
    assert "is no month; write 2026-11" in batch_ai("costs", "May").output
    assert batch_ai("costs", "--job", "nobody").exit_code == 2
    empty = batch_ai("costs", "2001-02")
    assert empty.exit_code == 0
    assert empty.output.startswith("2001-02: $0.00 for 0 calls")
    assert "the month is over" in empty.output


@pytest.mark.parametrize(
    ("at", "months"),
    [("2026-12-01", ("2026-11", "2026-12")), ("2026-12-31", ("2026-12",))],
)
def test_the_schedule_writes_this_month_and_on_its_first_day_the_one_that_ended(
    at: str, months: tuple[str, ...]
) -> None:
    assert months_due(datetime.fromisoformat(at)) == months
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(at).replace(tzinfo=UTC),
        repository_def=build_defs().get_repository_def(),
    )
    requests = cost_schedule().evaluate_tick(context).run_requests or ()
    assert tuple(request.partition_key for request in requests) == months
