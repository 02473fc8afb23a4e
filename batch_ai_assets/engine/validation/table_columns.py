"""Columns of the tables beside `results`: the manifest, the plan, verdicts, dead letters, reviews.

What each column is called, holds and means, said once: the tables are written after it, and the
catalogue shows it before they are there. The columns of a result row are in `columns.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .columns import FLAGS, Column, result_columns

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob

_JOB = Column("job", "string", "The batch AI job.")
_BATCH = Column("batch", "string", "The batch (Dagster partition).")
_VERSION = Column("version", "int64", "Version of the batch.")
_WHEN = "timestamp[us, tz=UTC]"

MANIFEST: tuple[Column, ...] = (
    _JOB,
    _BATCH,
    Column("seq", "int64", "Position of the item in its batch, from 0."),
    Column("item_id", "string", "The document, unique within its batch."),
    Column("source", "string", "File, and line where lines are items."),
    Column("input_hash", "string", "sha256 (hex) of the cleaned text."),
    Column("bytes", "int64", "Size of the cleaned text, UTF-8 bytes."),
    Column("tokens", "int64", "Tokens of the cleaned text."),
    Column("type", "string", "File ending, or `row`."),
    Column("pages", "int64", "Pages, where it has some."),
    Column("changed_at", _WHEN, "When it was written, where that is known."),
    Column("priority", "int8", "Items with a higher one are asked first; 0 is normal."),
    Column("data_classification", "string", "Data class of the item."),
    Column("attributes", "string", "Further fields the job keeps, JSON."),
    Column("problem_reason", "string", "Why it cannot be asked, where it cannot."),
    Column("problem_message", "string", "The same in a sentence."),
    Column("sealed", "binary", "The text (the raw bytes of a problem), AES-256-GCM."),
)
"""`raw_inputs`: one row for each item."""

WORK_PLAN: tuple[Column, ...] = (
    _JOB,
    _BATCH,
    Column("version", "int64", "Version of the batch that is planned."),
    Column("shard_id", "string", "The part of the batch; empty for items that are not asked."),
    Column("group", "string", "The group its items belong to."),
    Column(
        "fate",
        "string",
        "`ask`, or why there is nothing to ask: unchanged since the last released row, "
        "an open dead letter, claimed by another batch, too long, a problem of the input, "
        "given up by a person, or dead in the version before and not decided on.",
    ),
    Column("items", "int64", "Items; all rows together are the items of the batch."),
    Column("truncated", "int64", "Items of which only the beginning is asked."),
    Column("divided", "int64", "Items that are asked in parts."),
    Column("calls", "int64", "Calls: for an item, for several of them, or for a part of one."),
    Column("tokens_in", "int64", "Tokens to send, prompts included."),
    Column(
        "tokens_cached",
        "int64",
        "Of these, tokens that the provider is expected to have in its prompt cache.",
    ),
    Column("tokens_out", "int64", "Tokens of the answers, expected."),
    Column("most_tokens_out", "int64", "Tokens of the answers at most."),
    Column("cost_usd", "float64", "Expected cost, USD."),
    Column(
        "most_cost_usd",
        "float64",
        "Cost if every answer is as long as allowed and nothing is cached, USD.",
    ),
    Column("seconds", "float64", "Expected time, if it were worked alone, seconds."),
    Column("workers", "int64", "Calls in flight at once."),
    Column("workers_for_sla", "int64", "Calls in flight that the SLA would need."),
    Column("output_bytes", "int64", "Expected storage of the results, bytes."),
    Column("checkpoint_bytes", "int64", "Expected storage of the checkpoints, bytes."),
)
"""`work_plan`: one row for each shard, and for each way of not being asked."""

DEAD_LETTERS: tuple[Column, ...] = (
    _JOB,
    _BATCH,
    _VERSION,
    Column("item_id", "string", "The document."),
    Column("reason", "string", "Why it ended dead, one word for counting."),
    Column("message", "string", "The same in a sentence; no document text."),
    Column("attempts", "int64", "Calls that were made for it."),
    Column("status", "string", "open, replayed or discarded."),
    Column("first_at", _WHEN, "When it ended dead."),
    Column("last_at", _WHEN, "When its last attempt ended."),
    Column("request_hash", "string", "Fingerprint (hex) of what was asked."),
    Column("sealed_payload", "binary", "The document, AES-256-GCM."),
    Column("sealed_answer", "binary", "The raw answer, AES-256-GCM, where there was one."),
)
"""`dead_letter_queue`: one row for each item that ended dead."""


def verdict_columns(job: ResolvedJob) -> tuple[Column, ...]:
    """`validation_report`: where an item ended, and a verdict for each rule."""
    return (
        _JOB,
        _BATCH,
        _VERSION,
        Column("item_id", "string", "The document."),
        Column("end", "string", "Where the item ended."),
        Column("reason", "string", "Why, where it is not valid."),
        FLAGS,
        *(
            Column(f"rule_{rule.name}", "bool", rule.description or f"True: {rule.sql}")
            for rule in job.spec.rules
        ),
    )


def review_columns(job: ResolvedJob) -> tuple[Column, ...]:
    """`review_queue`: a result row, why it waits, and its sealed document."""
    return (
        *result_columns(job),
        Column("reason", "string", "Why it waits for a person."),
        Column("sealed_payload", "binary", "The document, AES-256-GCM."),
    )
