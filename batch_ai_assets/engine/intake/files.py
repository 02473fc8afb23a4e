"""SourceFile: the files of an input location, listed in a steady order.

Decides which files are documents and which are not to be touched. What a file holds is read in
`text_folder.py` and `jsonl.py`. `FileAccess` is the seam for stores other than the local disk.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import IntakeError
from .document import Problem
from .location import InputLocation
from .retry import Retry, is_passing


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder."""

    names: list[str]
    """Sorted; a folder's name ends in `/`, which puts whole paths into posix order."""
    links: frozenset[str]
    """Those of `names` that are symbolic links; none of them ends in `/`."""


class FileAccess(Protocol):
    """What intake asks of a file system. All three raise OSError."""

    def list(self, folder: str) -> Listing: ...

    def stat(self, path: str) -> os.stat_result: ...

    def open(self, path: str) -> BinaryIO: ...


class LocalFiles:
    """Files of this machine."""

    def list(self, folder: str) -> Listing:
        names: list[str] = []
        links: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    links.append(entry.name)
                is_folder = entry.is_dir(follow_symlinks=False)
                names.append(entry.name + "/" if is_folder else entry.name)
        return Listing(sorted(names), frozenset(links))

    def stat(self, path: str) -> os.stat_result:
        return os.stat(path)  # noqa: PTH116 - a Path per file is ten times the cost

    def open(self, path: str) -> BinaryIO:
        return open(path, "rb")  # noqa: PTH123 - as above; the reader closes it


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a batch."""

    name: str
    """Posix path relative to the input root, NFC; what cannot be decoded in it is escaped."""
    path: str
    problem: Problem | None = None
    """Set where the file must not be read."""


def list_files(location: InputLocation, access: FileAccess, retry: Retry) -> Iterator[SourceFile]:
    """The files that belong to the batch, in posix path order.

    Hidden files, names that begin with `_` (markers such as `_SUCCESS`, unfinished output) and
    everything below such folders are no documents. A link to a file inside the root counts as a
    file; one that leaves the root is listed with a Problem. A link to a folder inside the root is
    passed over, because what it points to is read in its place. Raises IntakeError.
    """
    root = str(location.root)
    if location.file is not None:
        yield from _checked(location, access, retry, location.file)
        return
    chosen = _matcher(location.glob)
    real_root = os.path.realpath(root)
    for relative, is_link in _walk(root, access, retry):
        path = os.path.join(root, relative)  # noqa: PTH118
        to_folder = is_link and _is_folder(path, access)
        if not to_folder and not chosen(relative):
            continue
        if is_link and not _is_within(path, real_root):
            yield _refused(relative, path, "is a link that leaves the input folder")
        elif not to_folder:
            yield from _checked(location, access, retry, relative)


def _walk(root: str, access: FileAccess, retry: Retry) -> Iterator[tuple[str, bool]]:
    """Every file below `root` as (relative path, whether it is a link), depth first."""
    top = _listing(root, "", access, retry)
    stack = [("", iter(top.names), top.links)]
    while stack:
        prefix, names, links = stack[-1]
        name = next(names, None)
        if name is None:
            stack.pop()
        elif name.startswith((".", "_")):
            continue
        elif name.endswith("/"):
            below = _listing(root, prefix + name, access, retry)
            stack.append((prefix + name, iter(below.names), below.links))
        else:
            yield prefix + name, name in links


def _listing(root: str, folder: str, access: FileAccess, retry: Retry) -> Listing:
    path = os.path.join(root, folder)  # noqa: PTH118
    try:
        return retry(partial(access.list, path))
    except OSError as error:
        raise IntakeError(
            f"the input folder {shown(path)} cannot be listed: {error.strerror}. Nothing has been "
            "sent; check that it is there and who may read it, then run the batch again"
        ) from error


def _checked(
    location: InputLocation, access: FileAccess, retry: Retry, relative: str
) -> Iterator[SourceFile]:
    """The file, where it is one and belongs to the batch's window."""
    path = os.path.join(location.root, relative)  # noqa: PTH118
    try:
        status = retry(partial(access.stat, path))
    except OSError as error:
        if is_passing(error):
            raise unreadable(shown(relative), error) from error
        # Gone or closed to us: opening it fails as well, and the reader knows what that means.
        yield SourceFile(shown(relative), path)
        return
    if not stat.S_ISREG(status.st_mode):
        yield _refused(relative, path, "is not a regular file")
    elif location.takes(status.st_mtime):
        yield SourceFile(shown(relative), path)


def _refused(relative: str, path: str, what: str) -> SourceFile:
    name = shown(relative)
    message = f"{name!r} {what}; put the document itself there, or take it out of the input folder"
    return SourceFile(name, path, Problem("unreadable", message))


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


def shown(path: str) -> str:
    r"""A path as text: NFC, with bytes that are not UTF-8 as `\xff`."""
    if path.isascii():
        return path
    return unicodedata.normalize("NFC", os.fsencode(path).decode("utf-8", "backslashreplace"))


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
