"""The numbers of a batch as asset metadata: the same keys in every run, so that they plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.figures import BatchFigures, counted

if TYPE_CHECKING:
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.tables import BatchTable

PLAN_ROWS = 20
"""Shards that the plan shows in the UI; the table has all of them."""

_PLAN_COLUMNS = {
    "items": "items",
    "truncated": "cut",
    "divided": "in parts",
    "calls": "calls",
    "tokens_in": "tokens in",
    "tokens_cached": "cached",
    "tokens_out": "tokens out",
    "cost_usd": "cost USD",
    "most_cost_usd": "at most USD",
    "seconds": "seconds",
    "workers": "calls at once",
}
_NOT_ASKED = {
    "unchanged": "unchanged since the last released row",
    "open_dead_letter": "dead in another batch and unchanged since",
    "claimed": "taken by another batch that is not finished",
    "too_long": "longer than the model takes",
    "problem": "cannot be asked: see dead_by_reason",
    "given_up_before": "given up by a person in another batch",
    "given_up": "given up by a person",
    "stays_dead": "dead in the version before, and nobody decided on it",
}


def batch_metadata(
    figures: BatchFigures, duration_seconds: float, batch_seconds: float
) -> dict[str, Any]:
    """Counts, shares, tokens, money in USD, how long this stage took, and the pace of the batch.

    The shares are those of the checks of that name, so that a check's trend can be seen here.
    """
    from batch_ai_assets.engine.validation.rates import shares

    counts = figures.conservation
    finished = counts.finished
    return {
        "conservation": counts.line(),
        "items": counts.items,
        "pending": counts.pending,
        "valid": counts.valid,
        "review": counts.review,
        "dead": counts.dead,
        "skipped": counts.skipped,
        "answered": figures.answered,
        "from_store": figures.from_store,
        "calls": figures.calls,
        "retries": figures.retries,
        "throttled": figures.throttled,
        "tokens_in": figures.tokens_in,
        "tokens_out": figures.tokens_out,
        "tokens_cached": figures.tokens_cached,
        "cost_usd": round(float(figures.cost_usd), 9),
        "cache_saved_usd": round(float(figures.cache_saved_usd), 9),
        "cost_per_item_usd": round(figures.cost_usd / finished, 9) if finished else 0.0,
        **{name: round(share, 6) for name, share in shares(figures).items()},
        "duration_seconds": round(duration_seconds, 3),
        "items_per_second": round(finished / batch_seconds, 3) if batch_seconds else 0.0,
        "conservation_holds": dg.MetadataValue.bool(counts.holds),
    }


def report_metadata(record: CompletionRecord) -> dict[str, Any]:
    """What the audit record adds: the run that made it, and figures of the whole batch.

    The report itself and its files are told by who writes them.
    """
    return {
        "conservation": record.conservation.line,
        "next_step": record.next_step,
        "run": dg.MetadataValue.dagster_run(record.run_id),
        "duration_seconds": round(record.duration_seconds, 3),
        "items_per_second": round(record.items_per_second, 3),
        "cpu_seconds": round(record.cpu_seconds, 3),
        "peak_rss_bytes": record.peak_rss_bytes,
    }


def plan_metadata(table: BatchTable) -> dict[str, Any]:
    """What `work_plan` says, expectations apart from what was spent: figures and two tables."""
    rows = [row for part in table.scan() for row in part.to_pylist()]
    shards = [row for row in rows if row["shard_id"] is not None]
    left_out = [row for row in rows if row["shard_id"] is None]

    def total(column: str) -> Any:
        return sum(row[column] or 0 for row in shards)

    return {
        "to_ask": total("items"),
        "shards": len(shards),
        "truncated": total("truncated"),
        "divided": total("divided"),
        "expected_calls": total("calls"),
        "expected_tokens_in": total("tokens_in"),
        "expected_tokens_cached": total("tokens_cached"),
        "expected_tokens_out": total("tokens_out"),
        "expected_cost_usd": round(total("cost_usd"), 9),
        "most_cost_usd": round(total("most_cost_usd"), 9),
        "expected_seconds": round(total("seconds"), 3),
        "plan": dg.MetadataValue.md(_plan_table(shards)),
        "not_asked": dg.MetadataValue.table(
            records=[
                dg.TableRecord({"why": _NOT_ASKED.get(row["fate"], row["fate"]),
                                "items": row["items"]})
                for row in left_out
            ],
            schema=dg.TableSchema(
                columns=[dg.TableColumn("why", "string"), dg.TableColumn("items", "int")]
            ),
        ),
    }  # fmt: skip


def _plan_table(shards: Sequence[Mapping[str, Any]]) -> str:
    """The shards as Markdown, the first ones where there are many."""
    if not shards:
        return "Nothing is to be asked."
    lines = ["| shard | group | " + " | ".join(_PLAN_COLUMNS.values()) + " |"]
    lines.append("|---|---" + "|--:" * len(_PLAN_COLUMNS) + "|")
    for row in shards[:PLAN_ROWS]:
        cells = [_cell(row[column]) for column in _PLAN_COLUMNS]
        lines.append(f"| {row['shard_id']} | {row['group']} | " + " | ".join(cells) + " |")
    if len(shards) > PLAN_ROWS:
        more = counted(len(shards) - PLAN_ROWS, "more shard")
        lines.append(f"\n{more}: see the table `work_plan`.")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")


def dead_reasons(figures: BatchFigures) -> dg.TableMetadataValue:
    """How many documents ended dead for which reason, the most frequent first."""
    ranked = sorted(figures.dead_by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"reason": reason, "items": count}) for reason, count in ranked],
        schema=dg.TableSchema(
            columns=[dg.TableColumn("reason", "string"), dg.TableColumn("items", "int")]
        ),
    )
