"""`work_plan` as people read it: a row for each shard, and one for each way of not being asked.

The items of all rows together are the items of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..spec.resolved import ResolvedJob
from ..state.rows import Plan, ShardRow
from ..validation.columns import arrow_schema
from ..validation.table_columns import WORK_PLAN
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
    if found := [{**same, **row} for row in rows]:
        yield pa.RecordBatch.from_pylist(found, schema=schema)


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
    return arrow_schema(WORK_PLAN)
