"""RemoteFiles: files behind a URL, through whatever client fsspec knows for its scheme.

Says what a store answers in the words of an operating system, so that everything above treats a
bucket as a folder. Which clients there are is decided outside, by registering them with fsspec.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, BinaryIO, TypeVar, cast

from ..errors import IntakeError
from .access import Listing

T = TypeVar("T")

_CHANGED = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""Where clients put the time of a change; each has a word of its own."""
_REFUSED = re.compile(r"ACCESS_DENIED|\b(401|403)\b|access denied|forbidden|unauthori[sz]ed", re.I)
_MISSING = re.compile(
    r"NO_SUCH_(BUCKET|KEY)|NoSuch(Bucket|Key)|\b404\b|bucket does not exist", re.I
)
_LENGTH = 300


class RemoteFiles:
    """The files below one URL."""

    def __init__(self, root: str) -> None:
        """root: a URL such as s3://bucket/inbox. Raises IntakeError where no client knows it."""
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        self._url = root
        scheme = root.partition("://")[0]
        try:
            # A listing kept from an earlier batch would hide what has arrived since.
            self._store, below = url_to_fs(root, use_listings_cache=False)
        except ImportError as error:
            raise IntakeError(
                f"{scheme}:// cannot be read: {error}. Install that client, or copy the documents "
                "to a folder or to s3://"
            ) from error
        except ValueError as error:
            raise IntakeError(
                f"{scheme}:// is no scheme that documents can be read from ({error}); "
                "use a folder, or a URL such as s3://bucket/inbox"
            ) from error
        except Exception as error:
            raise IntakeError(
                f"the client for {scheme}:// cannot be started: {_sentence(error)}. Check its "
                "settings and keys in the environment"
            ) from error
        self._below = str(below).rstrip("/")

    def list(self, folder: str) -> Listing:
        """What lies in the folder; nothing where it does not exist, for a store has no folders."""
        inner = self._inner(folder)
        try:
            entries = self._asked(lambda: self._store.ls(inner, detail=True))
        except (FileNotFoundError, NotADirectoryError):
            return Listing([], frozenset())
        known: dict[str, os.stat_result] = {}
        names: list[str] = []
        for entry in entries:
            path = str(entry["name"]).rstrip("/")
            name = path.rpartition("/")[2]
            if path.strip("/") == inner.strip("/") or not name:
                continue  # an empty object that some tools leave in place of the folder
            if entry["type"] == "directory":
                names.append(name + "/")
            else:
                names.append(name)
                known[name] = _status(entry)
        return Listing(sorted(names), frozenset(), known)

    def stat(self, path: str) -> os.stat_result:
        return _status(self._asked(lambda: self._store.info(self._inner(path))))

    def open(self, path: str) -> BinaryIO:
        opened = self._asked(lambda: self._store.open(self._inner(path), "rb"))
        return cast(BinaryIO, _RemoteFile(opened))

    def _inner(self, path: str) -> str:
        """The path as the client writes it; taken literally, whatever signs are in it."""
        if self._url.startswith(path):  # the root, or the bucket above it
            above = len(self._url) - len(path)
            return self._below[: len(self._below) - above] if above else self._below
        return (self._below + path.removeprefix(self._url)).rstrip("/")

    def _asked(self, call: Callable[[], T]) -> T:
        return _in_words(call)


class _RemoteFile:
    """An open file whose errors are those of an operating system."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def read(self, size: int = -1) -> bytes:
        return _in_words(lambda: bytes(self._opened.read(size)))

    def readline(self, limit: int = -1) -> bytes:
        return _in_words(lambda: bytes(self._opened.readline(limit)))

    def seek(self, offset: int, whence: int = 0) -> int:
        return _in_words(lambda: int(self._opened.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._opened.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    @property
    def closed(self) -> bool:
        return bool(self._opened.closed)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> _RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _status(entry: Mapping[str, Any]) -> os.stat_result:
    kind = stat.S_IFDIR if entry["type"] == "directory" else stat.S_IFREG
    changed = _instant(next((entry[key] for key in _CHANGED if entry.get(key)), None))
    size = int(entry.get("size") or 0)
    return os.stat_result((kind | 0o444, 0, 0, 1, 0, 0, size, changed, changed, changed))


def _instant(value: object) -> float:
    """Seconds since the epoch; 0 where the client does not say."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0.0
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else 0.0


def _in_words(call: Callable[[], T]) -> T:
    """What the call returns; whatever it raises as an OSError with a number and a sentence."""
    try:
        return call()
    except OSError as error:
        if error.errno is not None and error.strerror:
            raise
        raise _translated(error) from error
    except Exception as error:
        raise _translated(error) from error


def _translated(error: Exception) -> OSError:
    said = _sentence(error)
    if isinstance(error, FileNotFoundError) or _MISSING.search(said):
        return FileNotFoundError(errno.ENOENT, said)
    if isinstance(error, PermissionError) or _REFUSED.search(said):
        return PermissionError(errno.EACCES, said)
    if isinstance(error, NotADirectoryError):
        return NotADirectoryError(errno.ENOTDIR, said)
    if isinstance(error, IsADirectoryError):
        return IsADirectoryError(errno.EISDIR, said)
    if isinstance(error, TimeoutError):
        return TimeoutError(errno.ETIMEDOUT, said)
    # Clients have trees of errors of their own; most of what is left is a store that is away.
    return OSError(errno.EIO, said)


def _sentence(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _LENGTH else said[:_LENGTH] + "…"
