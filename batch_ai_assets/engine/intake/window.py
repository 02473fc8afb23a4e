"""The window of a batch as readers go by it: which span it is, and whether it can still be read.

Which windows there are is in `engine/spec/windows.py`.
"""

from __future__ import annotations

from datetime import datetime

from ..errors import IntakeError
from ..spec.resolved import ResolvedJob
from ..spec.windows import (
    Window,
    key_example,
    key_of,
    starts_at,
    takes_what_is_there,
    window_named,
    windows_before,
)

__all__ = ["Window", "refuse_past_snapshot", "window_of"]


def window_of(job: ResolvedJob, batch: str) -> Window:
    """The window that the key `batch` of this job stands for. Raises IntakeError."""
    batches = job.spec.batches
    if not batches.timed:
        raise IntakeError(
            f"job {job.name} has batches by name ({batches.cadence.replace('_', ' ')}), so batch "
            f"{batch!r} has no window of time; give the job a cadence such as daily, or take "
            "what refers to the window out of it"
        )
    found = window_named(batches, batch)
    if found is None:
        raise IntakeError(
            f"batch {batch!r} of job {job.name} is not a key of its {batches.cadence} batches; "
            f"{key_example(batches)}"
        )
    return found


def refuse_past_snapshot(job: ResolvedJob, batch: str, now: datetime) -> None:
    """Raise IntakeError where the batch would take what is there now for what was there then.

    Of a job that reads all that it finds, only the last window that is over can be taken.
    """
    batches = job.spec.batches
    if not batches.timed or not takes_what_is_there(job.spec):
        return
    due = (window for window in windows_before(batches, now) if starts_at(batches, window) <= now)
    newest = next(due, None)
    if newest is None or window_of(job, batch).until >= newest.until:
        return
    raise IntakeError(
        f"batch {batch} of job {job.name} is past: the job takes what is there when it runs "
        f"(batches.window: snapshot), and that belongs to batch {key_of(batches, newest)} now. "
        "Run that one; for a history, choose batches.window: path, column or file_time"
    )
