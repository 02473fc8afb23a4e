"""InputLocation: where the documents of one batch lie, and which of them belong to it.

Fills in the placeholders of `input.path`, a folder, a file or a URL, and applies the job's window.
Which files are there is listed in `files.py`.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ..errors import IntakeError
from ..spec.resolved import ResolvedJob
from .access import FileAccess, access_to
from .window import window_of

Left = Literal["settle", "mark"]
"""Why a file is left alone: it changed a moment ago, or its folder is not marked as complete."""

CLOCKS_APART = 3600.0
"""A file changed so many seconds ahead of our clock may still be one of now. A time further ahead
says nothing about when it was written, and would keep the file waiting for ever."""

_BATCH_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_LOCAL_URL = re.compile(r"(file|local)://")


@dataclass(frozen=True, slots=True)
class InputLocation:
    """A folder, or one file in it."""

    root: str
    """The folder that item names are relative to, absolute, or its URL; without `/` at the end.
    No document outside it is read."""
    file: str | None = None
    """The one file to read, where the job names a file."""
    glob: str = "**/*"
    """Which files below the folder are read, where the job names a folder."""
    changed_from: float | None = None
    """Only files changed at or after this instant, seconds since the epoch."""
    changed_before: float | None = None
    """Only files changed before this instant, seconds since the epoch."""
    settled_before: float | None = None
    """Files changed at or after this instant are still being written and are left alone."""
    mark: str | None = None
    """Only files below a folder that holds a file of this name; it decides in place of the time."""
    sources: Sequence[str] | None = None
    """Exactly these files, by their `SourceFile.key`, in this order: the claims of a batch."""
    job: str = ""
    batch: str = ""
    """Whose documents these are, for the log."""

    @property
    def is_local(self) -> bool:
        """Whether it lies on a disk of this machine."""
        return "://" not in self.root

    def at(self, relative: str) -> str:
        """The path of a file or folder below the root."""
        return f"{self.root}/{relative}"

    def only(self, sources: Sequence[str]) -> InputLocation:
        """The same place, with exactly these files."""
        return replace(self, sources=tuple(sources))

    def takes(self, changed: float) -> bool:
        """Whether a file changed at this instant belongs to the batch."""
        return (self.changed_from is None or changed >= self.changed_from) and (
            self.changed_before is None or changed < self.changed_before
        )

    def left(self, changed: float, *, marked: bool) -> Left | None:
        """Why a file changed at this instant is left alone; None where it is not.

        marked: whether a mark stands in its folder or above.
        """
        if self.mark is not None:
            return None if marked else "mark"
        since = self.settled_before
        unsettled = since is not None and since <= changed < since + CLOCKS_APART
        return "settle" if unsettled else None


def resolve_location(
    job: ResolvedJob,
    batch: str,
    home: Path,
    access: FileAccess | None = None,
    now: float | None = None,
) -> InputLocation:
    """Where the documents of `batch` lie.

    home: the platform's own folder, for `{home}`. access: in place of the file system that the
    path names. now: seconds since the epoch, what `settle` counts from. An empty folder is legal:
    a batch without items. Raises IntakeError where the place does not exist or does not fit the
    batch.
    """
    check_batch_key(batch)
    spec = job.spec
    path = _absolute(job, _filled(job, batch, home))
    since, until = _window(job, batch)
    settle = spec.input.settle_seconds(on_arrival=spec.batches.cadence == "on_arrival")
    whole = InputLocation(
        root=path,
        glob=spec.input.glob,
        changed_from=since,
        changed_before=until,
        settled_before=(time.time() if now is None else now) - settle if settle else None,
        mark=spec.input.mark,
        job=job.name,
        batch=batch,
    )
    mode = _mode(job, path, access or access_to(path))
    if mode is None and _may_be_empty(job, path, access or access_to(path)):
        return whole
    if mode is None:
        remedy = "Put the documents there, or correct input.path in job.yaml"
        if _varies(spec.input.path or ""):
            remedy += f"; if batch {batch} has no documents, make an empty folder"
        raise IntakeError(f"{_asked(job, path)} does not exist. {remedy}")
    if stat.S_ISDIR(mode):
        return whole
    if stat.S_ISREG(mode):
        root, _, file = path.rpartition("/")
        return replace(whole, root=root, file=file, glob="**/*")
    raise IntakeError(
        f"{_asked(job, path)} is neither a file nor a folder. Point input.path to a folder "
        "of documents or to a file"
    )


def check_batch_key(batch: str) -> None:
    """IntakeError where `batch` cannot name a batch: it becomes a folder and a partition."""
    if not _BATCH_KEY.fullmatch(batch):
        raise IntakeError(
            f"{batch!r} is not a batch key; use lower-case letters, digits and hyphens, "
            "at most 63, such as 2026-11-22"
        )


def _asked(job: ResolvedJob, path: str) -> str:
    return f"{path} (input.path {job.spec.input.path!r} of job {job.name})"


def _varies(path: str) -> bool:
    return "{date}" in path or "{batch}" in path


def _mode(job: ResolvedJob, path: str, access: FileAccess) -> int | None:
    """What kind of thing lies at `path`, as in `stat`; None where nothing does."""
    try:
        return access.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IntakeError(
            f"{_asked(job, path)} cannot be looked at: {error.strerror}. Check the path and who "
            "may read it, then run the batch again"
        ) from error


def _may_be_empty(job: ResolvedJob, path: str, access: FileAccess) -> bool:
    """Whether a path that is not there is an inbox without files.

    A store has no folders: an inbox is gone when its last file is. What must be there is the
    bucket. Where batches have folders of their own, one that is missing may be late.
    """
    if job.spec.batches.cadence != "on_arrival" or "://" not in path:
        return False
    scheme, _, rest = path.partition("://")
    bucket = rest.partition("/")[0]
    return bool(bucket) and _mode(job, f"{scheme}://{bucket}", access) is not None


def _filled(job: ResolvedJob, batch: str, home: Path) -> str:
    """`input.path` with its placeholders filled in; `{date}` is the key of the window."""
    template = job.spec.input.path or ""
    values = {"home": str(home.absolute()), "batch": batch, "date": batch}
    for name in _PLACEHOLDER.findall(template):
        if name not in values:
            raise IntakeError(
                f"input.path {template!r} of job {job.name} holds {{{name}}}, which stands for "
                "nothing; known are {home}, {date} and {batch}"
            )
    if "{date}" in template:
        window_of(job, batch)
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _absolute(job: ResolvedJob, path: str) -> str:
    """An absolute path, or a URL that stays as it is written."""
    local = _LOCAL_URL.match(path)
    if local:
        path = path[local.end() :]
    elif "://" in path:
        return _checked_url(job, path)
    return os.path.abspath(Path(job.folder) / path)  # noqa: PTH100


def _checked_url(job: ResolvedJob, url: str) -> str:
    try:
        parts = urlsplit(url)
        has_secret = parts.password is not None or "=" in parts.query
    except ValueError as error:
        raise IntakeError(
            f"input.path of job {job.name} is not a URL: {error}. Write for example "
            "s3://bucket/inbox"
        ) from error
    if has_secret:
        # Not shown: what job.yaml says of it must not reach a log as well.
        raise IntakeError(
            f"input.path of job {job.name} holds a password, or a query such as a signature; take "
            "it out, and let the store's client find its keys in the environment"
        )
    if {".", ".."} & set(parts.path.split("/")):
        raise IntakeError(
            f"{_asked(job, url)} holds '.' or '..', which means nothing in a URL; write the path "
            "without it"
        )
    return url.rstrip("/")


def _window(job: ResolvedJob, batch: str) -> tuple[float | None, float | None]:
    """First instant of the batch's window and of the next one, where file times decide."""
    batches = job.spec.batches
    if batches.window == "path" and not _varies(job.spec.input.path or ""):
        raise IntakeError(
            f"job {job.name} says batches.window: path, but its input.path "
            f"{job.spec.input.path!r} is the same for every batch; put {{date}} into it, or "
            "choose window: file_time or snapshot"
        )
    if batches.window != "file_time":
        return None, None
    window = window_of(job, batch)
    return window.since.timestamp(), window.until.timestamp()
