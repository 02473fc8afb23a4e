"""SteadyFile: a file that survives passing errors, by reopening itself where it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from .access import FileAccess
from .retry import Retry, is_passing

T = TypeVar("T")


class SteadyFile:
    """Enough of a Python file for libraries that read one. Raises OSError for what does not pass.

    Opened at the first read.
    """

    def __init__(self, path: str, access: FileAccess, retry: Retry) -> None:
        self._path = path
        self._access = access
        self._retry = retry
        self._handle: BinaryIO | None = None
        self._handle_at = 0
        self._offset = 0
        self.closed = False
        self.error: OSError | None = None
        """What ended the reading: tells an error of the store from one of a library."""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the end of the file."""
        return self._moved(self._steadily(lambda: self._at_offset().read(size)))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Where the next read begins."""
        if whence == io.SEEK_CUR:
            offset += self._offset
        elif whence == io.SEEK_END:
            offset += self.size()
        self._offset = offset
        return offset

    def tell(self) -> int:
        return self._offset

    def size(self) -> int:
        """Bytes of the whole file."""
        return self._steadily(lambda: self._access.stat(self._path).st_size)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        self._let_go()
        self.closed = True

    def _moved(self, content: bytes) -> bytes:
        self._offset += len(content)
        self._handle_at = self._offset
        return content

    def _steadily(self, act: Callable[[], T]) -> T:
        """Does it, and again while the error passes."""
        try:
            return act()
        except OSError as error:
            self._let_go()
            if not is_passing(error):
                self.error = error
                raise
        try:
            return self._retry(lambda: self._again(act))
        except OSError as error:
            self.error = error
            raise

    def _again(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError:
            self._let_go()
            raise

    def _at_offset(self) -> BinaryIO:
        if self._handle is None:
            self._handle = self._access.open(self._path)
            self._handle_at = 0
        if self._handle_at != self._offset:
            self._handle.seek(self._offset)
            self._handle_at = self._offset
        return self._handle

    def _let_go(self) -> None:
        """The next read opens the file again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
