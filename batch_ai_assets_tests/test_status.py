"""What `batch-ai status` shows: the life of a batch, and the table that is drawn anew."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from batch_ai_assets.commands.history import history_lines
from batch_ai_assets.commands.status_table import WIDTH, drawn, table, watch
from batch_ai_assets.engine.glances import Glance, glance
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import BatchRow

from .engine.world import World, message, stub, world


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Ten documents, of which the last one stops the batch, one call after the other."""
    home = tmp_path_factory.mktemp("status")
    with stub() as server, world(home, server.base_url, {"limits": {"concurrency": 1}}) as here:
        texts = ["[[stub:refusal]]", *[""] * 8, "[[stub:quota]]"]
        here.write_messages(message(number, text) for number, text in enumerate(texts))
        assert here.run().state is State.HALTED
        yield here


def test_the_life_of_a_batch_is_told_with_who_and_why(halted: World) -> None:
    *steps, alert = history_lines("topics", "b1", halted.deps)
    assert alert.startswith("    alert     Provider stub for topics:")
    said = [line.split("UTC", 1)[1] for line in steps]
    assert [line.split(",")[0].split("  ")[-1].strip() for line in said] == [
        "planned", "running after planned", "halted (provider) after running"
    ]  # fmt: skip
    assert all("by test, run run-1" in line for line in said)


def test_a_glance_says_how_far_a_batch_is_and_what_it_may_cost(halted: World) -> None:
    [row] = halted.deps.store.overview()
    seen = glance(row, halted.deps)
    assert seen.percent == 90.0
    assert seen.eta_seconds is None, "nobody works on it"
    assert seen.limit_usd == 5.0
    assert seen.used(row) == pytest.approx(row.cost_usd / 5.0)


def test_every_batch_has_one_line_that_fits_a_hundred_columns(halted: World) -> None:
    [row] = halted.deps.store.overview()
    long = BatchRow(**{**{n: getattr(row, n) for n in BatchRow.__dataclass_fields__},
                       "batch": "x" * 63, "cost_usd": 12345.6789})  # fmt: skip
    seen = Glance(33.3, 3 * 3600.0, 20_000.0, None, 1_700_000_000.0)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table([(long, seen), (row, glance(row, halted.deps))], 1_699_990_000.0))
    lines = console.export_text().rstrip().splitlines()
    assert len(lines) == 2 + 2
    assert max(map(len, lines)) <= WIDTH
    assert "33 %" in lines[2]
    assert "22:13" in lines[2]
    assert "halted (provider)" in lines[3]


def test_the_table_is_drawn_anew_until_ctrl_c_which_ends_it_well(halted: World) -> None:
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    console = Console(width=120, record=True, file=io.StringIO())
    watch(lambda: drawn(None, 20, halted.deps), console, sleep)
    assert slept == [2.0] * 3
    assert "topics/b1" in console.export_text()
