"""The numbers of a batch as asset metadata: the same keys in every run, so that they plot."""

from __future__ import annotations

from typing import Any

import dagster as dg

from batch_ai_assets.engine.figures import BatchFigures


def batch_metadata(figures: BatchFigures, duration_seconds: float) -> dict[str, Any]:
    """Counts of items, calls and tokens, money in USD, and how long this stage took."""
    counts = figures.conservation
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
        "cost_usd": round(float(figures.cost_usd), 9),
        "duration_seconds": round(duration_seconds, 3),
        "conservation_holds": dg.MetadataValue.bool(counts.holds),
    }


def dead_reasons(figures: BatchFigures) -> dg.TableMetadataValue:
    """How many documents ended dead for which reason, the most frequent first."""
    ranked = sorted(figures.dead_by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"reason": reason, "items": count}) for reason, count in ranked],
        schema=dg.TableSchema(
            columns=[dg.TableColumn("reason", "string"), dg.TableColumn("items", "int")]
        ),
    )
