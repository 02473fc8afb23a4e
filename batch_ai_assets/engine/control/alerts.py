"""When there is an alert: pure rules over figures. The record itself is in `engine/alert.py`."""

from __future__ import annotations

from collections.abc import Mapping

from ..alert import Alert
from ..figures import counted

_NAMED = 3


def dead_letters(
    job: str, batch: str, *, dead: int, finished: int, by_reason: Mapping[str, int], error_at: float
) -> Alert | None:
    """None where there is none. `error_at`: a larger share of the finished documents is an error
    (`thresholds.dead_letter_rate_error`)."""
    if not dead:
        return None
    share = dead / finished if finished else 1.0
    return Alert(
        kind="dead_letters",
        severity="error" if share > error_at else "warning",
        job=job,
        batch=batch,
        title=f"{job}/{batch}: {counted(dead, 'dead letter')}",
        message=f"{counted(dead, 'document')} of {finished:,} ended without a result "
        f"({_most(by_reason)}). Read them with `batch-ai dlq list {job} {batch}`, mend the "
        "cause, then replay or discard them.",
        figures={"dead": float(dead), "finished": float(finished), "share": share},
    )


def _most(by_reason: Mapping[str, int]) -> str:
    """The most frequent reasons, and how much the others make up."""
    ranked = sorted(by_reason.items(), key=lambda one: (-one[1], one[0]))
    most = ", ".join(f"{count:,} {reason}" for reason, count in ranked[:_NAMED])
    rest = ranked[_NAMED:]
    if not rest:
        return most
    documents = sum(count for _, count in rest)
    return f"{most} and {documents:,} for {counted(len(rest), 'other reason')}"
