"""FileAccess: what intake asks of a file system, and the file system of this machine.

The seam for stores other than the local disk, which are in `remote.py`. Which files are documents
is decided in `files.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder."""

    names: list[str]
    """Sorted; a folder's name ends in `/`, which puts whole paths into posix order."""
    links: frozenset[str]
    """Those of `names` that are symbolic links; none of them ends in `/`."""
    known: Mapping[str, os.stat_result] = field(default_factory=dict)
    """The status of files, where the listing came with it: asking for each would be a call."""


class FileAccess(Protocol):
    """What intake asks of a file system. All three raise OSError with a `strerror`."""

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


LOCAL_FILES = LocalFiles()


def access_to(root: str) -> FileAccess:
    """The file system that `root` lies on: a URL's, or this machine's.

    Raises IntakeError where there is no client for the URL.
    """
    if "://" not in root:
        return LOCAL_FILES
    from .remote import RemoteFiles

    return RemoteFiles(root)
