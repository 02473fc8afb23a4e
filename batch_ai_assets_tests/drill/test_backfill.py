"""Batches of days: a month of history that the daemon backfills, and one that its clock starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from batch_ai_assets.assets.catalogue import CATALOGUE
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.published_views import connect_to_views

from ..jobs import job_file, write_documents, write_registry
from .dagster_ui import Ui, dagster_dev, until

COUNT = 30
TODAY = datetime.now(UTC).date()
DAYS = [str(TODAY - timedelta(days=back)) for back in range(COUNT, 0, -1)]
OWN = 3
"""Documents of every day; beside them one that never changes, and one that changes weekly."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, fast_model: LocalProvider) -> Iterator[Ui]:
    """A UI with the daily jobs `history`, whose folders are filled for a month, and `clock`."""
    folder = tmp_path_factory.mktemp("backfill")
    job = job_file(
        "history",
        batches={"cadence": "daily", "window": "path", "start": DAYS[0], "at": "23:59"},
        input={"path": "{home}/inbox/history/{date}", "format": "jsonl"},
    )
    soon = datetime.now(UTC) + timedelta(minutes=3)  # once the daemon is up
    clock = job_file(
        "clock",
        priority="urgent",
        batches={"cadence": "daily", "window": "path", "at": f"{soon:%H:%M}"},
        input={"path": "{home}/inbox/clock/{date}", "format": "jsonl"},
    )
    registry = write_registry(folder / "registry", job, clock, base_url=fast_model.base_url)
    home = folder / "home"
    yesterday = str(soon.date() - timedelta(days=1))
    write_documents(home, "clock", {"c1": "[[id:c1]] Time flies."}, f"{yesterday}/in.jsonl")
    for number, day in enumerate(DAYS):
        texts = {_own(number, n): f"[[id:{_own(number, n)}]] Letter {n}." for n in range(OWN)}
        texts["always"] = "[[id:always]] The same every day."
        texts["weekly"] = f"[[id:weekly]] As of week {number // 7}."
        write_documents(home, "history", texts, f"{day}/in.jsonl")
    with dagster_dev(home, registry) as running:
        yield running


def _own(number: int, n: int) -> str:
    return f"h{number:02}-{n}"


def _launch(ui: Ui) -> str:
    """What "Materialize all" over many partitions does; the backfill's id."""
    answer = ui.ask(
        """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(
          backfillParams: $params) { __typename
            ... on LaunchBackfillSuccess { backfillId }
            ... on PythonError { message } } }""",
        params={
            "assetSelection": [{"path": ["history", name]} for name in CATALOGUE],
            "partitionNames": DAYS,
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return str(answer["backfillId"])


def _ended(ui: Ui, backfill: str) -> str | None:
    status = ui.ask(
        """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
          ... on PartitionBackfill { status } } }""",
        id=backfill,
    )["partitionBackfillOrError"]["status"]
    return None if status in ("REQUESTED", "CANCELING") else str(status)


def test_a_month_of_history_is_backfilled_every_day_with_its_own_documents(
    history: Ui, fast_model: LocalProvider
) -> None:
    backfill = _launch(history)
    status = until(lambda: _ended(history, backfill), "the backfill to end", 540)

    assert status == "COMPLETED_SUCCESS"
    weeks = (COUNT + 6) // 7
    # The other job's clock strikes meanwhile: only the documents of this one count.
    names = {_own(number, n) for number in range(COUNT) for n in range(OWN)} | {"always", "weekly"}
    asked = {name: item["calls"] for name, item in fast_model.stats()["items"].items()}
    assert sum(calls for name, calls in asked.items() if name in names) == COUNT * OWN + 1 + weeks
    views = connect_to_views("history", str(history.home / "data"))
    rows = views.execute("SELECT item_id, batch FROM history").fetchall()
    for number, day in enumerate(DAYS):
        of_day = {item for item, batch in rows if batch == day}
        own = {_own(number, n) for n in range(OWN)}
        assert own <= of_day <= own | {"always", "weekly"}, day
    now = dict(views.execute("SELECT item_id, batch FROM history__current").fetchall())
    assert len(now) == COUNT * OWN + 2
    assert now["weekly"] >= DAYS[(COUNT - 1) // 7 * 7]
    runs = history.ask(
        """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs {
          results { status tags { key value } } } } }""",
        filter={"tags": [{"key": "dagster/backfill", "value": backfill}]},
    )["runsOrError"]["results"]
    assert [run["status"] for run in runs] == ["SUCCESS"] * COUNT
    tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in runs]
    assert {one["batch_ai/state"] for one in tags} == {"completed"}


def test_a_schedule_starts_the_batch_of_the_day_that_is_over_before_what_waits(
    history: Ui,
) -> None:
    first = until(lambda: next(iter(history.runs("clock")), None), "the schedule", 300)

    run = history.finished(first["runId"])

    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/schedule_name"] == "clock_daily"
    (filled,) = (history.home / "inbox" / "clock").iterdir()
    assert run["tags"]["dagster/partition"] == filled.name
    assert run["tags"]["dagster/priority"] == "2"
    assert run["tags"]["batch_ai/state"] == "completed"
    assert len(history.runs("clock")) == 1
