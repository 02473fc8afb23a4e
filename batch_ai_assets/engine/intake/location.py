"""InputLocation: where the documents of one batch lie, and which of them belong to it.

Fills in the placeholders of `input.path` and applies the job's window. Which files are there is
listed in `files.py`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ..errors import IntakeError
from ..spec.resolved import ResolvedJob

_BATCH_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class InputLocation:
    """A folder, or one file in it; absolute."""

    root: Path
    """The folder that item names are relative to. No document outside it is read."""
    file: str | None = None
    """The one file to read, where the job names a file."""
    glob: str = "**/*"
    """Which files below the folder are read, where the job names a folder."""
    changed_from: float | None = None
    """Only files changed at or after this instant, seconds since the epoch."""
    changed_before: float | None = None
    """Only files changed before this instant, seconds since the epoch."""

    def takes(self, changed: float) -> bool:
        """Whether a file changed at this instant belongs to the batch."""
        return (self.changed_from is None or changed >= self.changed_from) and (
            self.changed_before is None or changed < self.changed_before
        )


def resolve_location(job: ResolvedJob, batch: str, home: Path) -> InputLocation:
    """Where the documents of `batch` lie.

    `home` is the platform's own folder, for `{home}`. An empty folder is legal: a batch without
    items. Raises IntakeError where the place does not exist or does not fit the batch.
    """
    check_batch_key(batch)
    spec = job.spec
    path = Path(os.path.abspath(Path(job.folder) / _filled(job, batch, home)))  # noqa: PTH100
    since, until = _window(job, batch)
    try:
        if path.is_dir():
            return InputLocation(path, None, spec.input.glob, since, until)
        if path.is_file():
            return InputLocation(path.parent, path.name, "**/*", since, until)
        found = path.exists()
    except OSError as error:
        raise IntakeError(
            f"{_asked(job, path)} cannot be looked at: {error.strerror}. Check the path and who "
            "may read it, then run the batch again"
        ) from error
    if found:
        raise IntakeError(
            f"{_asked(job, path)} is neither a file nor a folder. Point input.path to a folder "
            "of documents or to a file"
        )
    remedy = "Put the documents there, or correct input.path in job.yaml"
    if _varies(spec.input.path or ""):
        remedy += f"; if batch {batch} has no documents, make an empty folder"
    raise IntakeError(f"{_asked(job, path)} does not exist. {remedy}")


def check_batch_key(batch: str) -> None:
    """IntakeError where `batch` cannot name a batch: it becomes a folder and a partition."""
    if not _BATCH_KEY.fullmatch(batch):
        raise IntakeError(
            f"{batch!r} is not a batch key; use lower-case letters, digits and hyphens, "
            "at most 63, such as 2026-11-22"
        )


def _asked(job: ResolvedJob, path: Path) -> str:
    return f"{path} (input.path {job.spec.input.path!r} of job {job.name})"


def _varies(path: str) -> bool:
    return "{date}" in path or "{batch}" in path


def _filled(job: ResolvedJob, batch: str, home: Path) -> str:
    """`input.path` with its placeholders filled in."""
    template = job.spec.input.path or ""
    if "://" in template:
        raise IntakeError(
            f"input.path {template!r} of job {job.name} is a URL; documents are read from local "
            "files. Copy them to a folder and name that"
        )
    values = {"home": str(home.absolute()), "batch": batch, "date": batch}
    for name in _PLACEHOLDER.findall(template):
        if name not in values:
            raise IntakeError(
                f"input.path {template!r} of job {job.name} holds {{{name}}}, which stands for "
                "nothing; known are {home}, {date} and {batch}"
            )
    if "{date}" in template:
        _day(job, batch, "{date} in input.path")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _window(job: ResolvedJob, batch: str) -> tuple[float | None, float | None]:
    """First instant of the batch's day and of the next one, where file times decide."""
    batches = job.spec.batches
    if batches.window == "path" and not _varies(job.spec.input.path or ""):
        raise IntakeError(
            f"job {job.name} says batches.window: path, but its input.path "
            f"{job.spec.input.path!r} is the same for every batch; put {{date}} into it, or "
            "choose window: file_time or snapshot"
        )
    if batches.window != "file_time":
        return None, None
    zone = ZoneInfo(batches.timezone)
    day = _day(job, batch, "batches.window: file_time")
    start = datetime.combine(day, time.min, zone)
    # The next midnight of the calendar, not 24 hours on: days are 23 or 25 hours long at times.
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    return start.timestamp(), end.timestamp()


def _day(job: ResolvedJob, batch: str, why: str) -> date:
    try:
        # Checked by hand as well: the parser also takes 20261122 and week dates.
        if _DAY.fullmatch(batch):
            return date.fromisoformat(batch)
    except ValueError:
        pass
    raise IntakeError(
        f"batch {batch!r} of job {job.name} is not a day, but {why} needs one; "
        "use a key such as 2026-11-22"
    )
