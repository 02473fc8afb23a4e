"""Batches of rows, run to their end: every row has one, the broken ones too."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world

ROWS = [message(number, 'says, "so"\nand more') for number in range(30)]


@pytest.fixture
def here(
    tmp_path: Path, stub_model: LocalProvider, request: pytest.FixtureRequest
) -> Iterator[World]:
    (tmp_path / "inbox").mkdir()
    spec = {"input": {"path": "{home}/inbox", "format": request.param}}
    with world(tmp_path, stub_model.base_url, spec) as made:
        yield made


def as_csv(rows: list[dict[str, str]]) -> str:
    held = io.StringIO()
    writer = csv.DictWriter(held, ["id", "text"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return held.getvalue()


@pytest.mark.parametrize("here", ["csv"], indirect=True)
def test_a_broken_row_of_csv_is_one_dead_letter_and_the_others_have_results(here: World) -> None:
    content = as_csv(ROWS).replace('m7,"', 'm7,"[[wordy" ')
    (here.home / "inbox" / "a.csv").write_text(content)
    here.run()
    assert here.counts().items == len(ROWS)
    assert {row["item_id"] for row in here.results()} == {
        f"m{number}" for number in range(30) if number != 7
    }
    assert here.dead() == {"a.csv#row=8": "unreadable"}


@pytest.mark.parametrize("here", ["parquet"], indirect=True)
def test_a_file_that_is_no_parquet_is_one_dead_letter_among_results(here: World) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), here.home / "inbox" / "a.parquet")
    (here.home / "inbox" / "b.parquet").write_text("no Parquet")
    here.run()
    assert here.counts().items == len(ROWS) + 1
    assert len(here.results()) == len(ROWS)
    assert here.dead() == {"b.parquet": "unreadable"}


@pytest.mark.parametrize("here", ["csv"], indirect=True)
def test_a_missing_column_costs_no_call_and_the_mended_file_is_read(
    here: World, stub_model: LocalProvider
) -> None:
    stub_model.reset_stats()
    path = here.home / "inbox" / "a.csv"
    path.write_text(as_csv(ROWS).replace("id,text", "id,texts"))
    outcome = here.run()
    assert outcome.record is None
    assert "did you mean 'texts'?" in outcome.message
    assert stub_model.stats()["calls"] == 0
    path.write_text(as_csv(ROWS))
    here.run()
    assert len(here.results()) == len(ROWS)
