"""The table of measures: a figure, its bar, and a verdict that follows from both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import every_measure, every_name
from benchmarks.measure import Measure, show, table


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [(1.1, "holds"), (1.2, "holds"), (1.3, "misses the bar"), (1.6, "STAYS OPEN")],
)
def test_the_verdict_says_how_far_beyond_the_bar_a_figure_is(figure: float, verdict: str) -> None:
    assert Measure("memory", figure, bar=1.2, open=1.5).verdict == verdict


@pytest.mark.parametrize(
    ("figure", "verdict"), [(99.5, "holds"), (98.0, "misses the bar"), (90.0, "STAYS OPEN")]
)
def test_where_more_is_better_the_bars_are_lower_bounds(figure: float, verdict: str) -> None:
    assert Measure("share", figure, bar=99, open=95, unit="%", at_least=True).verdict == verdict


def test_all_measures_stand_in_one_table_and_in_a_file_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measures = [
        Measure("CPU per item", 1.25, bar=1.3, open=1.6, details={"engine_us": 140.0}),
        Measure("documents lost", 2, bar=0, open=0, unit=""),
    ]
    records = tmp_path / "build" / "bench.jsonl"
    show(iter(measures), records)
    printed = capsys.readouterr().out
    assert table(measures) in printed
    assert str(records) in printed
    found = [json.loads(line) for line in records.read_text().splitlines()]
    assert [(one["measure"], one["figure"], one["holds"]) for one in found] == [
        ("CPU per item", 1.25, True),
        ("documents lost", 2, False),
    ]
    assert found[0]["details"] == {"engine_us": 140.0}


def test_a_measurement_that_breaks_down_does_not_keep_the_others_from_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import benchmarks.bench_memory
    import benchmarks.bench_planning

    def broken() -> Iterator[Measure]:
        yield Measure("first", 1.0, bar=1.2, open=1.5)
        raise RuntimeError

    def well() -> Iterator[Measure]:
        yield Measure("second", 1.0, bar=1.2, open=1.5)

    monkeypatch.setattr(benchmarks.bench_memory, "measures", broken)
    monkeypatch.setattr(benchmarks.bench_planning, "measures", well)
    names: list[str] = []
    found = every_measure(["bench_memory", "bench_planning"], names)
    assert [one.measure for one in found] == ["first", "second"]
    assert names == ["bench_memory"]


def test_every_measurement_can_be_named_and_run() -> None:
    assert {"bench_hot_path", "bench_memory", "bench_planning"} <= set(every_name())
