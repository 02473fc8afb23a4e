"""Decision: which windows of a job should have had a batch by now. Pure.

A window is expected where it came due while somebody watched: what fell due before is a new job's,
or a backfill's. When windows are due is `spec/windows.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..alert import Alert
from ..spec.base import seconds_of
from ..spec.job import JobSpec
from ..spec.windows import key_of, starts_at, takes_what_is_there, windows_before
from .hours import opens_at
from .wording import moment

MISSING = "missing_batch"
_LOOKS_BACK = 24
"""Windows; what is older was said, or is a backfill's."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window that has come due: its batch, and when that should have begun."""

    batch: str
    due_at: float


def expected(spec: JobSpec, watched_since: float, now: float) -> list[Window]:
    """Windows whose batch should be there, the newest first."""
    batches, found = spec.batches, []
    if not batches.timed:
        return []
    grace, then = seconds_of(batches.missing_after), datetime.fromtimestamp(now, UTC)
    for number, window in enumerate(windows_before(batches, then)):
        due = starts_at(batches, window).timestamp()
        if batches.start_window is not None:
            due = opens_at(batches.start_window, batches.timezone, due)
        if due < watched_since or number >= _LOOKS_BACK:
            break
        if due + grace <= now:
            found.append(Window(key_of(batches, window), due))
    # One that takes what is there has only its newest window to make up for.
    return found[:1] if takes_what_is_there(spec) else found


def missing(job: str, windows: list[Window], items: Mapping[str, int | None]) -> dict[str, Alert]:
    """Batch → alert. `items`: of the batches that are there; None: not read yet."""
    found: dict[str, Alert] = {}
    later_came = False
    for one in windows:
        name = f"{job}/{one.batch}"
        if one.batch not in items:
            found[one.batch] = _alert(
                job, one, f"{name}: no batch, due since {moment(one.due_at)}",
                f"No run has begun it. See whether the daemon runs and the schedule of {job} is "
                f"on (UI: Automation); then `batch-ai run {job} --batch {one.batch}`.",
            )  # fmt: skip
        elif items[one.batch] == 0 and not later_came:
            found[one.batch] = _alert(
                job, one, f"{name}: its window came empty",
                "The batch has no documents. See whether the source was delivered; then "
                f"`batch-ai run {job} --batch {one.batch} --reread`.",
            )  # fmt: skip
        else:
            later_came = later_came or bool(items[one.batch])
    return found


def _alert(job: str, one: Window, title: str, message: str) -> Alert:
    figures = {"due_at": one.due_at}
    return Alert(MISSING, "error", job, one.batch, title, message, figures)
