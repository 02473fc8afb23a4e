"""Line: the lines of a file, one at a time, each of bounded size.

Knows nothing of what a line means. A passing error in the middle of a file is survived by
reopening it where the last line ended.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from .files import FileAccess, SourceFile, unreadable
from .retry import Retry, is_passing

_SKIP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line that holds something."""

    number: int
    """From 1, blank lines counted."""
    content: bytes | None
    """Without a byte order mark; None where the line is too long to be held."""
    size: int
    """Bytes, line end included."""


def read_lines(
    file: SourceFile, access: FileAccess, retry: Retry, max_bytes: int
) -> Iterator[Line]:
    """All lines of `file` but blank ones, also a last one without a line end.

    Raises IntakeError where the file cannot be read to its end.
    """
    reader = _SteadyReader(file.path, access, retry)
    number = 0
    try:
        while content := reader.readline(max_bytes + 1):
            number += 1
            if len(content) > max_bytes and not content.endswith(b"\n"):
                size = len(content)
                while content and not content.endswith(b"\n"):
                    content = reader.readline(_SKIP_BYTES)
                    size += len(content)
                yield Line(number, None, size)
                continue
            size = len(content)
            if number == 1:
                content = content.removeprefix(codecs.BOM_UTF8)
            if not content.isspace() and content:
                yield Line(number, content, size)
    except OSError as error:
        raise unreadable(file.name, error) from error
    finally:
        reader.close()


class _SteadyReader:
    """A file that reopens itself where it was, when a passing error broke the reading."""

    def __init__(self, path: str, access: FileAccess, retry: Retry) -> None:
        self._path = path
        self._access = access
        self._retry = retry
        self._handle: BinaryIO | None = None
        self._offset = 0

    def readline(self, limit: int) -> bytes:
        """At most `limit` bytes of the line; empty at the end of the file."""
        try:
            line = self._reopened().readline(limit)
        except OSError as error:
            if not is_passing(error):
                raise
            self.close()
            line = self._retry(partial(self._read_again, limit))
        self._offset += len(line)
        return line

    def _read_again(self, limit: int) -> bytes:
        try:
            return self._reopened().readline(limit)
        except OSError:
            self.close()
            raise

    def _reopened(self) -> BinaryIO:
        if self._handle is None:
            self._handle = self._access.open(self._path)
            self._handle.seek(self._offset)
        return self._handle

    def close(self) -> None:
        """Lets go of the file; the next read opens it again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
