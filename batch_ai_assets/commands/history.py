"""`batch-ai status JOB BATCH`: the life of one batch so far, step by step, with who and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Transition


def history_lines(job: str, batch: str, deps: Deps) -> Iterator[str]:
    """Every transition, oldest first, then what is wrong with the batch at present."""
    for step in deps.store.transitions(job, batch):
        yield _line(step)
    for kept in deps.store.alerts.open():
        if (kept.alert.job, kept.alert.batch) == (job, batch):
            yield f"    alert     {kept.alert.message}"


def _line(step: Transition) -> str:
    at = datetime.fromtimestamp(step.at, UTC)
    version = f"v{step.version}" if step.version else "  "
    why = f" ({step.reason})" if step.reason else ""
    before = f" after {step.from_state}" if step.from_state else ""
    to = step.to_state.replace("_", " ")
    return (
        f"    {at:%Y-%m-%d %H:%M:%S} UTC  {version}  {to}{why}{before.replace('_', ' ')}, by "
        f"{step.who}, run {step.run_id[:8]}"
    )
