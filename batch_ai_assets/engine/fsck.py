"""fsck: do state store, published tables and pointers tell the same story about a batch?

The store is the truth; tables are snapshots of it. Read-only. A batch that was cut off in the
middle is clean as long as nothing is lost, doubled or half published: going on is the next run's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import orjson

from .deps import Deps
from .enriched import enriched_rows
from .errors import SealError, StorageError
from .exports import dead_letter_rows, letters_are_in, review_rows, reviews_are_in
from .figures import End
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import Plan
from .tables import BatchTable, RowReader
from .validation.columns import FLAGS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement: which rule is broken, and where."""

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


def fsck(job: str, batch: str, deps: Deps) -> list[Finding]:
    """Every disagreement found in the newest version of the batch; an empty list is a clean one."""
    plan = deps.store.batches.latest_plan(job, batch)
    if plan is None or plan.planned_at is None:
        return []  # nothing was promised yet
    frozen = ResolvedJob.model_validate_json(plan.spec)
    examined = (
        _conservation(plan, deps),
        _books(plan, deps),
        _manifest(plan, deps),
        _enriched(frozen_job(plan, frozen), plan, deps),
        _verdicts(plan, deps),
        _released(plan, deps),
        _dead_letters(plan, deps),
        _reviews(frozen_job(plan, frozen), plan, deps),
    )
    findings: list[Finding] = []
    for rule in examined:
        try:
            findings.extend(rule)
        except (StorageError, SealError) as error:
            findings.append(Finding("unreadable", str(error)))
    return findings


def _conservation(plan: Plan, deps: Deps) -> Iterator[Finding]:
    counts = deps.store.conservation(plan)
    if not counts.holds:
        yield Finding("conservation", counts.line())
    if plan.finished_at and counts.pending:
        yield Finding("pending", f"the batch is finished, {counts.pending:,} items are not")


def _books(plan: Plan, deps: Deps) -> Iterator[Finding]:
    for problem, count in deps.store.examine(plan).items():
        if count:
            yield Finding("books", f"{count:,} {problem}")


def _manifest(plan: Plan, deps: Deps) -> Iterator[Finding]:
    """Every item of the store is the item of `raw_inputs` at its place, and the other way."""
    raw = deps.tables.open(plan.raw_path)
    if raw.rows != plan.items:
        yield Finding("manifest", f"raw_inputs has {raw.rows:,} rows, the plan {plan.items:,}")
        return
    reader = RowReader(raw, ["item_id", "input_hash"])
    for items in deps.store.items.ends(plan):
        rows = reader.take([item.seq for item in items])
        for item, item_id, digest in zip(
            items, rows["item_id"].to_pylist(), rows["input_hash"].to_pylist(), strict=True
        ):
            if item.item_id != item_id or item.input_hash.hex() != digest:
                yield Finding("manifest", f"item {item.item_id!r} differs from raw_inputs")


def _enriched(job: ResolvedJob, plan: Plan, deps: Deps) -> Iterator[Finding]:
    """Published answers are those of the store, opened again, row by row."""
    if plan.enriched_path is None:
        return
    raw, table = deps.tables.open(plan.raw_path), deps.tables.open(plan.enriched_path)
    rebuilt = enriched_rows(job, plan, raw, deps.store, deps.sealer)
    yield from _differing("enriched", _rows(table.scan()), _rows(rebuilt))


def _verdicts(plan: Plan, deps: Deps) -> Iterator[Finding]:
    """The published verdicts are the ends of the store."""
    if plan.report_path is None:
        return
    published = deps.tables.open(plan.report_path).scan(["item_id", "end", "reason"])
    ends = (
        {"item_id": item.item_id, "end": item.end, "reason": item.reason or None}
        for items in deps.store.items.ends(plan)
        for item in items
    )
    yield from _differing("verdicts", _rows(published), map(orjson.dumps, ends))


def _dead_letters(plan: Plan, deps: Deps) -> Iterator[Finding]:
    """The export holds the dead letters of the store, unless some have changed since."""
    table = deps.tables.latest(plan.job, "dead_letter_queue", plan.batch)
    letters = deps.store.dead_letters(plan.job, plan.batch)
    if table is not None and letters_are_in(table, plan, letters):
        rebuilt = dead_letter_rows(letters)
        yield from _differing("dead_letters", _rows(table.scan()), _rows(rebuilt))


def _reviews(job: ResolvedJob, plan: Plan, deps: Deps) -> Iterator[Finding]:
    """The export holds what waits for a person, unless it is of a version before."""
    table = deps.tables.latest(plan.job, "review_queue", plan.batch)
    if table is not None and reviews_are_in(table, plan, deps):
        rebuilt = review_rows(job, plan, deps)
        yield from _differing("reviews", _rows(table.scan()), _rows(rebuilt))


def _differing(
    rule: str, published: Iterator[bytes], rebuilt: Iterator[bytes]
) -> Iterator[Finding]:
    """The first row that is not what the store says."""
    for there, again in zip_longest(published, rebuilt):
        if there != again:
            name = orjson.loads(again or there or b"{}").get("item_id")
            yield Finding(rule, f"row of item {name!r} is not what the store says")
            return


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    for rows in batches:
        for row in rows.to_pylist():
            yield orjson.dumps(row, default=str)


def _released(plan: Plan, deps: Deps) -> Iterator[Finding]:
    """The pointer names the newest release; its rows are the valid items, each once."""
    releases = deps.store.releases.of(plan.job, plan.batch)
    current = deps.tables.current(plan.job, plan.batch)
    newest = max(releases, key=lambda one: one.version, default=None)
    if newest is None:
        if current is not None:
            yield Finding("pointer", "_current.json names a version that was never released")
        return
    if current is None or (current.version, current.path) != (newest.version, newest.path):
        if plan.finished_at:
            yield Finding("pointer", f"_current.json does not name version {newest.version}")
        return
    if newest.version == plan.version:
        yield from _results(plan, deps, deps.tables.open(newest.path))


def _results(plan: Plan, deps: Deps, results: BatchTable) -> Iterator[Finding]:
    published = [
        name for rows in results.scan(["item_id"]) for name in rows["item_id"].to_pylist()
    ]
    valid = {
        item.item_id
        for items in deps.store.items.ends(plan)
        for item in items
        if item.end == End.VALID
    }
    if len(set(published)) != len(published):
        yield Finding("results", "an item stands in the released rows more than once")
    if missing := valid - set(published):
        yield Finding("results", f"{len(missing):,} valid items are missing from released rows")
    if strange := set(published) - valid:
        yield Finding("results", f"{len(strange):,} released rows are not of valid items")
    if len(published) == len(valid) and not missing:
        yield from _released_answers(plan, deps, results, valid)


def _released_answers(
    plan: Plan, deps: Deps, results: BatchTable, valid: set[str]
) -> Iterator[Finding]:
    """Released rows say what `enriched_outputs` says, which is compared with the store above."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [name for name in results.schema.names if name != FLAGS.name]
    of_valid = pa.array(valid, pa.string())
    answers = (
        rows.filter(pc.is_in(rows["item_id"], value_set=of_valid))
        for rows in deps.tables.open(str(plan.enriched_path)).scan(columns)
    )
    yield from _differing("results", _rows(results.scan(columns)), _rows(answers))


