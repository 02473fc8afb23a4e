"""SourceFile: the files of an input location, listed in a steady order.

Decides which files are documents, which are still being written, and which are not to be touched.
What a file holds is read in `text_folder.py` and its neighbours; how a store is asked is in
`access.py`.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import IntakeError
from ..events import log_event
from .access import LOCAL_FILES as LOCAL_FILES
from .access import FileAccess as FileAccess
from .access import Listing as Listing
from .access import LocalFiles as LocalFiles
from .document import Problem
from .location import InputLocation, Left
from .names import kind_of, path_of, shown, source_key
from .retry import Retry, is_passing


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a batch."""

    name: str
    """Posix path relative to the input root, NFC; what cannot be decoded in it is escaped."""
    path: str
    problem: Problem | None = None
    """Set where the file must not be read."""
    relative: str = ""
    """The path below the root as the store writes it."""
    size: int = 0
    """Bytes, when it was listed; 0 where it could not be asked."""
    changed: float | None = None
    """When it was changed last, seconds since the epoch, where the store says so."""
    left: Left | None = None
    """Why it is left alone this time; such a file is no part of the batch."""

    @property
    def kind(self) -> str:
        """Its type, by its ending."""
        return kind_of(self.relative)

    @property
    def key(self) -> str:
        """What `InputLocation.sources` takes to find it again; any database can hold it."""
        return source_key(self.relative)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file as the walk met it."""

    relative: str
    is_link: bool
    marked: bool
    status: os.stat_result | None


def list_files(location: InputLocation, access: FileAccess, retry: Retry) -> Iterator[SourceFile]:
    """The files that belong to the batch, in posix path order; those left alone are logged.

    Hidden files, names that begin with `_` (markers such as `_SUCCESS`, unfinished output) and
    everything below such folders are no documents. A link to a file inside the root counts as a
    file; one that leaves the root is listed with a Problem. A link to a folder inside the root is
    passed over, because what it points to is read in its place. Raises IntakeError.
    """
    left: Counter[Left] = Counter()
    for file in every_file(location, access, retry):
        if file.left is None:
            yield file
        else:
            left[file.left] += 1
    if left:
        log_event(
            "input_left_alone",
            job=location.job,
            batch=location.batch,
            unsettled=left["settle"],
            unmarked=left["mark"],
        )


def every_file(
    location: InputLocation, access: FileAccess, retry: Retry, after: str = ""
) -> Iterator[SourceFile]:
    """As `list_files`, with the files that are left alone; their `left` says why.

    after: the key of a file; only those behind it in the order are listed. Raises IntakeError.
    """
    if location.sources is not None:
        real_root = os.path.realpath(location.root) if location.is_local else None
        for key in location.sources:
            yield _claimed(location, access, retry, path_of(key), real_root)
    elif location.file is not None:
        marked = location.mark is None or _is_there(location.at(location.mark), access)
        if location.file > path_of(after):
            yield from _checked(location, access, retry, _Found(location.file, False, marked, None))
    else:
        yield from _of_folder(location, access, retry, path_of(after))


def _of_folder(
    location: InputLocation, access: FileAccess, retry: Retry, after: str
) -> Iterator[SourceFile]:
    chosen = _matcher(location.glob)
    real_root = os.path.realpath(location.root)
    for found in _walk(location, access, retry, after):
        path = location.at(found.relative)
        to_folder = found.is_link and _is_folder(path, access)
        if not to_folder and not chosen(found.relative):
            continue
        if found.is_link and not _is_within(path, real_root):
            yield _refused(found.relative, path, "is a link that leaves the input folder")
        elif not to_folder:
            yield from _checked(location, access, retry, found)


def _walk(
    location: InputLocation, access: FileAccess, retry: Retry, after: str
) -> Iterator[_Found]:
    """Every file below the root that is behind `after`, depth first."""
    mark = location.mark
    stack = [_Level(_listing(location, "", access, retry), "", mark, False, after)]
    while stack:
        level = stack[-1]
        name = next(level.names, None)
        if name is None:
            stack.pop()
        elif name.startswith((".", "_")) or name == mark:
            continue
        elif name.endswith("/"):
            prefix = level.prefix + name
            below = _listing(location, prefix, access, retry)
            stack.append(_Level(below, prefix, mark, level.marked, after))
        else:
            yield _Found(
                level.prefix + name,
                name in level.listing.links,
                level.marked,
                level.listing.known.get(name),
            )


class _Level:
    """A folder on the way down, and how far its names have been taken."""

    def __init__(
        self, listing: Listing, prefix: str, mark: str | None, marked: bool, after: str
    ) -> None:
        self.listing = listing
        self.prefix = prefix
        # A mark speaks for the folders below its own as well: writers leave one at the top.
        self.marked = marked or mark is None or _holds(listing.names, mark)
        self.names = iter(listing.names)
        if after:
            self.names = (n for n in listing.names if _is_behind(prefix + n, after))


def _is_behind(relative: str, after: str) -> bool:
    """Whether a file, or anything in a folder (`relative` ends in `/`), comes after `after`."""
    return relative > after or (relative.endswith("/") and after.startswith(relative))


def _holds(names: list[str], wanted: str) -> bool:
    place = bisect_left(names, wanted)
    return place < len(names) and names[place] == wanted


def _listing(location: InputLocation, folder: str, access: FileAccess, retry: Retry) -> Listing:
    path = location.at(folder)
    try:
        return retry(partial(access.list, path))
    except OSError as error:
        raise IntakeError(
            f"the input folder {shown(path)} cannot be listed: {error.strerror}. Nothing has been "
            "sent; check that it is there and who may read it, then run the batch again"
        ) from error


def _claimed(
    location: InputLocation,
    access: FileAccess,
    retry: Retry,
    relative: str,
    real_root: str | None,
) -> SourceFile:
    """A file that is read by its name, whatever its age; one that is gone is listed as well."""
    path = location.at(relative)
    outside = relative.startswith("/") or ".." in relative.split("/") or "\0" in relative
    if outside or (real_root is not None and not _is_within(path, real_root)):
        return _refused(relative, path, "leads out of the input folder")
    whole = InputLocation(location.root)
    return next(_checked(whole, access, retry, _Found(relative, False, True, None)))


def _checked(
    location: InputLocation, access: FileAccess, retry: Retry, found: _Found
) -> Iterator[SourceFile]:
    """The file, where it is one and belongs to the batch's window."""
    relative, path = found.relative, location.at(found.relative)
    try:
        status = found.status or retry(partial(access.stat, path))
    except OSError as error:
        if is_passing(error):
            raise unreadable(shown(relative), error) from error
        # Gone or closed to us: opening it fails as well, and the reader knows what that means.
        yield SourceFile(shown(relative), path, relative=relative)
        return
    if not stat.S_ISREG(status.st_mode):
        yield _refused(relative, path, "is not a regular file")
    elif location.takes(status.st_mtime):
        yield SourceFile(
            name=shown(relative),
            path=path,
            relative=relative,
            size=status.st_size,
            changed=status.st_mtime or None,
            left=location.left(status.st_mtime, marked=found.marked),
        )


def _refused(relative: str, path: str, what: str) -> SourceFile:
    name = shown(relative)
    message = f"{name!r} {what}; put the document itself there, or take it out of the input folder"
    return SourceFile(name, path, Problem("unreadable", message), relative)


def unreadable(name: str, error: OSError) -> IntakeError:
    """The error for a file without which the batch cannot be read."""
    return IntakeError(
        f"the input file {name!r} cannot be read: {error.strerror}. Nothing has been sent; check "
        "that it is there and who may read it, then run the batch again"
    )


def _is_within(path: str, real_root: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(real_root)


def _is_folder(path: str, access: FileAccess) -> bool:
    try:
        return stat.S_ISDIR(access.stat(path).st_mode)
    except OSError:
        return False


def _is_there(path: str, access: FileAccess) -> bool:
    try:
        access.stat(path)
    except OSError:
        return False
    return True


def _matcher(glob: str) -> Callable[[str], bool]:
    if glob == "**/*":
        return lambda _: True
    import re

    from fsspec.utils import glob_translate  # type: ignore[import-untyped]

    try:
        pattern = re.compile(glob_translate(glob))
    except (ValueError, re.error) as error:
        raise IntakeError(
            f"input.glob {glob!r} is not a pattern: {error}. Write for example '**/*.txt'"
        ) from error
    return lambda relative: pattern.match(relative) is not None
