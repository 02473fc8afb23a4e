"""Defects as they could befall a published table: each planted into the Parquet of a sound batch,
with who must find it.

Both who look have this list: the platform's own checks with fsck, and dbt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .engine.world import World, message, stub, world

SPEC: dict[str, Any] = {
    "output": {
        "schema": {
            "properties": {"score": {"type": "number", "minimum": 0, "maximum": 100}},
            "required": ["topic", "urgent", "score"],
        },
    },
    "model": {"parameters": {"max_tokens": 64}},
    "rules": [
        {"name": "score_is_known", "sql": "score IS NOT NULL"},
        {"name": "calm_cards", "sql": "topic <> 'card' OR NOT urgent", "severity": "warn"},
        {"name": "never_quite_sure", "sql": "score < 100"},
        {
            "name": "no_moon",
            "sql": "result.topic NOT IN ('\U0001f319 \u2028 \x85 \x01') -- nor \U0001f31b",
        },
    ],
}
VALID = 21
DEAD = ("m90", "m91")


@contextmanager
def judged_world(home: Path) -> Iterator[World]:
    """A finished batch with results and dead letters, sound throughout."""
    with stub() as server, world(home, server.base_url, SPEC) as here:
        dead = (message(int(name[1:]), "[[stub:refusal]]") for name in DEAD)
        here.write_messages([*(message(number) for number in range(VALID)), *dead])
        here.run()
        assert (here.counts().valid, here.counts().dead) == (VALID, len(DEAD))
        yield here


Row = dict[str, Any]
Edit = Callable[[list[Row]], list[Row]]


def cell(item: str, column: str, value: Any) -> Edit:
    """Another value in one cell."""
    return lambda rows: [
        row | {column: value} if row["item_id"] == item else row for row in rows
    ]


def lost(item: str) -> Edit:
    """The row is gone."""
    return lambda rows: [row for row in rows if row["item_id"] != item]


def doubled(item: str) -> Edit:
    """The row stands there twice."""
    return lambda rows: [*rows, *(row for row in rows if row["item_id"] == item)]


def doubled_for(item: str, other: str) -> Edit:
    """The row stands there twice, and another one is gone: the number of rows is right."""
    return lambda rows: lost(other)(doubled(item)(rows))


def swapped(one: str, other: str, *columns: str) -> Edit:
    """These cells of two rows, each in the other's place."""

    def edit(rows: list[Row]) -> list[Row]:
        by_id = {row["item_id"]: row for row in rows}
        taken = {
            mine: {column: by_id[its][column] for column in columns}
            for mine, its in ((one, other), (other, one))
        }
        return [row | taken.get(row["item_id"], {}) for row in rows]

    return edit


@dataclass(frozen=True)
class Defect:
    """An edit of one published table, and who finds it."""

    asset: str
    edit: Edit
    check: str
    """The platform's check; the rule of fsck where no consumer reads the table."""
    dbt: str
    """The dbt test."""
    named: str | None
    """The document that both name; None: its row has lost its name."""
    planting: int
    """dbt takes seconds: defects of one planting lie in the Parquet together, in different rows,
    and no test finds more documents than it names."""


_ONCE, _STEM = "results_have_one_row_per_document", "results_stem_from_a_document"
_VALID, _SAID = "results_are_the_valid_documents", "results_hold_what_was_answered"
_LETTERS = "dead_letters_are_the_dead_documents"
_OF_RESULTS = {
    "a doubled row": (doubled("m0"), "completeness", _ONCE, "m0", 1),
    "a lost row": (lost("m1"), "completeness", _VALID, "m1", 1),
    "a doubled row where another is lost": (
        doubled_for("m2", "m3"), "completeness", _ONCE, "m2", 1
    ),
    "a row without a document": (cell("m4", "item_id", "ghost"), "lineage", _STEM, "ghost", 2),
    "a row without an id": (cell("m5", "item_id", None), "lineage", _ONCE, None, 2),
    "two ids swapped": (swapped("m6", "m7", "item_id"), "lineage", _STEM, "m6", 2),
    "two answers swapped, each row sound by itself": (
        swapped("m8", "m9", "item_id", "output_id", "input_hash"), "lineage", _SAID, "m8", 1
    ),
    "an edited answer": (cell("m10", "score", 1.5), "lineage", _SAID, "m10", 1),
    "another model's name": (cell("m11", "model", "best-1"), "lineage", _SAID, "m11", 1),
    "a missing model": (
        cell("m12", "model", None), "lineage", "results_have_their_lineage", "m12", 2
    ),
    "another batch's row": (
        cell("m13", "batch", "b9"), "lineage", "results_are_named_for_ever", "m13", 1
    ),
    "an unknown label": (
        cell("m14", "topic", "moon"), "schema", "results_keep_to_the_taxonomy", "m14", 2
    ),
    "a score of 101": (
        cell("m15", "score", 101.0), "schema", "results_keep_to_their_ranges", "m15", 2
    ),
    "a missing field": (
        cell("m16", "urgent", None), "schema", "results_have_their_fields", "m16", 2
    ),
    "a broken rule": (cell("m17", "score", 100.0), "rules", "results_meet_the_rules", "m17", 2),
}  # fmt: skip
_BESIDE = {
    "a lost verdict": (
        "validation_report", lost("m18"), "verdicts", "documents_have_one_verdict", "m18", 2
    ),
    "a review from nowhere": (
        "validation_report", cell("m19", "end", "review"), "verdicts",
        "reviews_are_the_documents_in_review", "m19", 2,
    ),
    "a lost dead letter": (
        "dead_letter_queue", lost(DEAD[0]), "dead_letters", _LETTERS, DEAD[0], 1
    ),
    "a dead letter for another reason": (
        "dead_letter_queue", cell(DEAD[1], "reason", "timeout"), "dead_letters", _LETTERS, DEAD[1],
        2,
    ),
}  # fmt: skip
DEFECTS = {
    **{name: Defect("results", *about) for name, about in _OF_RESULTS.items()},
    **{name: Defect(*about) for name, about in _BESIDE.items()},
}


@contextmanager
def planted(here: World, defects: Iterable[Defect]) -> Iterator[None]:
    """The defects in their Parquet; it is sound again afterwards."""
    by_asset: dict[str, list[Edit]] = {}
    for defect in defects:
        by_asset.setdefault(defect.asset, []).append(defect.edit)
    files = {asset: _file(here, asset) for asset in by_asset}
    sound = {asset: file.read_bytes() for asset, file in files.items()}
    try:
        for asset, edits in by_asset.items():
            plant(files[asset], *edits)
        yield
    finally:
        for asset, file in files.items():
            file.write_bytes(sound[asset])


def plant(file: Path, *edits: Edit) -> None:
    """Edit one Parquet file."""
    table = pq.read_table(file)
    rows = table.to_pylist()
    for edit in edits:
        rows = edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), file)


def _file(here: World, asset: str) -> Path:
    table = here.deps.tables.latest(here.job.name, asset, "b1")
    assert table is not None
    return Path(table.files[0])
