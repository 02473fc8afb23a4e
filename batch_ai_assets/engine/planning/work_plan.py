"""`work_plan` as people read it: a row for each shard, and one for each way of not being asked.

The items of all rows together are the items of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..spec.resolved import ResolvedJob
from ..state.rows import Plan, ShardRow
from .estimate import Expectation
from .fate import Fate
from .survey import Survey

if TYPE_CHECKING:
    import pyarrow as pa


def work_plan_rows(
    job: ResolvedJob,
    plan: Plan,
    survey: Survey,
    shards: Sequence[ShardRow],
    expected: Expectation,
) -> Iterator[pa.RecordBatch]:
    """The rows, shards first; in a batch without any item there is none."""
    import pyarrow as pa

    schema = work_plan_schema()
    rows = [_shard_row(survey, shard, expected) for shard in shards]
    rows += [
        {"fate": fate.reason, "items": count}
        for fate, count in sorted(survey.counts.items())
        if count and fate is not Fate.ASK
    ]
    same = {"job": job.name, "batch": plan.batch, "version": plan.version}
    yield pa.RecordBatch.from_pylist([{**same, **row} for row in rows], schema=schema)


def _shard_row(survey: Survey, shard: ShardRow, expected: Expectation) -> dict[str, object]:
    job = next(group.job for group in survey.groups if group.name == shard.group)
    work = expected.work(job, shard.to_ask, shard.calls, shard.tokens_in)
    return {
        "shard_id": str(shard.shard),
        "group": shard.group,
        "fate": Fate.ASK.reason,
        "items": shard.to_ask,
        "truncated": shard.truncated,
        "divided": shard.divided,
        "calls": work.calls,
        "tokens_in": work.tokens_in,
        "tokens_cached": work.tokens_cached,
        "tokens_out": work.tokens_out,
        "most_tokens_out": work.most_tokens_out,
        "cost_usd": work.cost_usd,
        "most_cost_usd": work.most_cost_usd,
        "seconds": work.seconds,
        "workers": work.workers,
        "workers_for_sla": work.workers_for_sla,
        "output_bytes": work.output_bytes,
        "checkpoint_bytes": work.checkpoint_bytes,
    }


def work_plan_schema() -> pa.Schema:
    """Columns of `work_plan`."""
    import pyarrow as pa

    columns = {
        "job": (pa.string(), "The batch AI job."),
        "batch": (pa.string(), "The batch (Dagster partition)."),
        "version": (pa.int64(), "Version of the batch that is planned."),
        "shard_id": (pa.string(), "The part of the batch; empty for items that are not asked."),
        "group": (pa.string(), "The group its items belong to."),
        "fate": (
            pa.string(),
            "`ask`, or why there is nothing to ask: unchanged since the last released row, "
            "an open dead letter, claimed by another batch, too long, a problem of the input, "
            "given up by a person, or dead in the version before and not decided on.",
        ),
        "items": (pa.int64(), "Items; all rows together are the items of the batch."),
        "truncated": (pa.int64(), "Items of which only the beginning is asked."),
        "divided": (pa.int64(), "Items that are asked in parts."),
        "calls": (pa.int64(), "Calls: for an item, for several of them, or for a part of one."),
        "tokens_in": (pa.int64(), "Tokens to send, prompts included."),
        "tokens_cached": (
            pa.int64(),
            "Of these, tokens that the provider is expected to have in its prompt cache.",
        ),
        "tokens_out": (pa.int64(), "Tokens of the answers, expected."),
        "most_tokens_out": (pa.int64(), "Tokens of the answers at most."),
        "cost_usd": (pa.float64(), "Expected cost, USD."),
        "most_cost_usd": (
            pa.float64(),
            "Cost if every answer is as long as allowed and nothing is cached, USD.",
        ),
        "seconds": (pa.float64(), "Expected time, if it were worked alone, seconds."),
        "workers": (pa.int64(), "Calls in flight at once."),
        "workers_for_sla": (pa.int64(), "Calls in flight that the SLA would need."),
        "output_bytes": (pa.int64(), "Expected storage of the results, bytes."),
        "checkpoint_bytes": (pa.int64(), "Expected storage of the checkpoints, bytes."),
    }
    return pa.schema(
        [
            pa.field(name, kind, metadata={"description": said})
            for name, (kind, said) in columns.items()
        ]
    )
