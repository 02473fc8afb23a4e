"""Judging: every answered item gets its verdict, and the rows to release are laid out.

Rules run once over the whole batch, after the sweep. Verdicts go to the state store first; the
validation report and the candidate for release are made from there, so a crash between them
changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .asked_ways import AskedWays
from .deadletter.letter import LetterWriter
from .deps import Deps
from .enriched import marked
from .figures import End
from .sealing import document_context
from .spec.resolved import ResolvedJob
from .state.rows import DeadLetter, ItemRow, Plan
from .tables import BatchTable, RowReader
from .validation.columns import arrow_schema, result_schema
from .validation.rules import failing_items
from .validation.table_columns import verdict_columns
from .validation.verdict import Verdict, judge

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """Which rows (by seq) fail which rule."""

    error: dict[str, frozenset[int]]
    warn: dict[str, frozenset[int]]

    def failed(self, seq: int) -> tuple[list[str], list[str]]:
        """Names of the (error, warn) rules that row `seq` fails."""
        return (
            [name for name, seqs in self.error.items() if seq in seqs],
            [name for name, seqs in self.warn.items() if seq in seqs],
        )


class Judging:
    """Judges one batch version from its enriched rows."""

    def __init__(
        self, job: ResolvedJob, plan: Plan, raw: BatchTable, enriched: BatchTable, deps: Deps
    ) -> None:
        self._job, self._plan, self._raw, self._enriched = job, plan, raw, enriched
        self._deps = deps
        self._ways = AskedWays(job, deps.store.shards.of(plan))
        failing = failing_items(job, enriched.files, deps.connect) if enriched.rows else {}
        by_severity: dict[str, dict[str, frozenset[int]]] = {"error": {}, "warn": {}}
        for rule in job.spec.rules:
            by_severity[rule.severity][rule.name] = frozenset(failing.get(rule.name, ()))
        self.findings = RuleFindings(by_severity["error"], by_severity["warn"])
        self._marks = deps.store.answers.marks(plan)

    def write_ends(self) -> None:
        """Give every answered item its end; rows that fail an error rule become dead letters."""
        payloads = RowReader(self._raw, ["sealed"])
        letters = LetterWriter(self._plan, self._deps.sealer)
        columns = ["seq", "item_id", "confidence", "attempts"]
        for rows in self._enriched.scan(columns):
            ends: list[tuple[int, End, str]] = []
            dead: list[DeadLetter] = []
            for row in rows.to_pylist():
                verdict = self._verdict(row["seq"], row["confidence"])
                ends.append((row["seq"], verdict.end, verdict.reason or ""))
                if verdict.end is End.DEAD:
                    dead.append(self._letter(letters, payloads, row, verdict))
            self._deps.store.items.end(self._plan, ends, dead)

    def _verdict(self, seq: int, confidence: float | None) -> Verdict:
        errors, warns = self.findings.failed(seq)
        return judge(
            confidence, self._job.spec.output.review_below, errors, warns,
            confirmed=seq in self._marks,
        )  # fmt: skip

    def _letter(
        self,
        letters: LetterWriter,
        payloads: RowReader,
        row: dict[str, int | str],
        verdict: Verdict,
    ) -> DeadLetter:
        seq, item_id = int(row["seq"]), str(row["item_id"])
        answer = self._deps.store.answers.of_item(self._plan, seq)
        context = document_context(self._plan.job, self._plan.batch, item_id)
        return letters.letter(
            seq=seq,
            item_id=item_id,
            request_hash=answer.request_hash,
            reason=verdict.reason or "",
            message=verdict.message,
            attempts=int(row["attempts"]),
            payload=self._deps.sealer.open(payloads.take([seq])["sealed"][0].as_py(), context),
            answer=self._deps.sealer.open(answer.sealed, answer.request_hash),
            at=time.time(),
        )

    def report(self) -> Iterator[pa.RecordBatch]:
        """`validation_report`: one row per item with its end, and a verdict per rule."""
        import pyarrow as pa

        schema = self.report_schema()
        for items in self._deps.store.items.ends(self._plan):
            columns = self._report_columns(items)
            yield pa.record_batch(
                [pa.array(columns[field.name], field.type) for field in schema], schema=schema
            )

    def _report_columns(self, items: list[ItemRow]) -> dict[str, list[object]]:
        answered = [self._was_judged(item) for item in items]
        columns: dict[str, list[object]] = {
            "job": [self._plan.job] * len(items),
            "batch": [self._plan.batch] * len(items),
            "version": [self._plan.version] * len(items),
            "item_id": [item.item_id for item in items],
            "end": [item.end for item in items],
            "reason": [item.reason or None for item in items],
            "flags": [
                self._ways.flags(item.shard, item.tokens)
                + marked(self._marks, item.seq)
                + self.findings.failed(item.seq)[1]
                for item in items
            ],
        }
        for name, seqs in {**self.findings.error, **self.findings.warn}.items():
            columns[f"rule_{name}"] = [
                item.seq not in seqs if judged else None
                for item, judged in zip(items, answered, strict=True)
            ]
        return columns

    @staticmethod
    def _was_judged(item: ItemRow) -> bool:
        if item.shard < 0:  # it stays dead from the version before
            return False
        return item.end in (End.VALID, End.REVIEW) or item.reason.startswith("rule:")

    def report_schema(self) -> pa.Schema:
        """Columns of `validation_report`."""
        return arrow_schema(verdict_columns(self._job))

    def candidate(self) -> Iterator[pa.RecordBatch]:
        """Rows that go to `results` if the checks pass: the valid ones, with their flags."""
        import pyarrow as pa

        schema = result_schema(self._job)
        for rows in self._enriched.scan():
            seqs, sure = rows["seq"].to_pylist(), rows["confidence"].to_pylist()
            flags: list[list[str]] = rows["flags"].to_pylist()
            keep: list[bool] = []
            for row_flags, seq, confidence in zip(flags, seqs, sure, strict=True):
                verdict = self._verdict(seq, confidence)
                keep.append(verdict.end is End.VALID)
                row_flags.extend(verdict.flags)
            arrays = [
                pa.array(flags, field.type) if field.name == "flags" else rows[field.name]
                for field in schema
            ]
            kept = pa.record_batch(arrays, schema=schema).filter(pa.array(keep))
            if kept.num_rows:
                yield kept
