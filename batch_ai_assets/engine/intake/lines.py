"""Line: the lines of a file, one at a time, each of bounded size.

Knows nothing of what a line means.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from .steady import SteadyFile

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


def read_lines(file: SteadyFile, max_bytes: int) -> Iterator[Line]:
    """All lines of `file` but blank ones, also a last one without a line end.

    Raises OSError where the file cannot be read to its end.
    """
    number = 0
    while content := file.readline(max_bytes + 1):
        number += 1
        if len(content) > max_bytes and not content.endswith(b"\n"):
            size = len(content)
            while content and not content.endswith(b"\n"):
                content = file.readline(_SKIP_BYTES)
                size += len(content)
            yield Line(number, None, size)
            continue
        size = len(content)
        if number == 1:
            content = content.removeprefix(codecs.BOM_UTF8)
        if not content.isspace() and content:
            yield Line(number, content, size)
