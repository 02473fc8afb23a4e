"""Line: the lines of a file, one at a time, each of bounded size.

Knows nothing of what a line means, nor of character sets other than UTF-8 and its kin.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from .steady import SteadyFile

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    number: int
    """From 1, blank lines counted."""
    content: bytes | None
    """With its end, without a byte order mark; None where it is too long to be held."""
    size: int
    """Bytes, line end included."""


def chunks_of(file: SteadyFile) -> Iterator[bytes]:
    """The bytes of the file from where it stands. Raises OSError."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def lines_of(chunks: Iterator[bytes], max_bytes: int, *, returns: bool = False) -> Iterator[Line]:
    """Every line, blank ones too, and a last one without an end.

    returns: whether a carriage return alone ends a line as well, as in old Mac files.
    """
    number = size = 0
    parts: list[bytes] = []
    for piece, ends in _pieces(chunks) if returns else _feeds(chunks):
        size += len(piece)
        if size <= max_bytes:
            parts.append(piece)
        if ends and size:
            number += 1
            content = b"".join(parts) if size <= max_bytes else None
            if number == 1 and content is not None:
                content = content.removeprefix(codecs.BOM_UTF8)
            yield Line(number, content, size)
            size = 0
            parts.clear()


def _feeds(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The chunks cut behind each line feed, with whether the line ends with the piece."""
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            yield piece + b"\n", True
        yield rest, False
    yield b"", True


def _pieces(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The chunks cut behind each line end of any kind, likewise."""
    held = b""
    for chunk in chunks:
        chunk = held + chunk
        # The next chunk may begin with the line feed that belongs to this return.
        held = b"\r" if chunk.endswith(b"\r") else b""
        if held:
            chunk = chunk[:-1]
        for piece in chunk.splitlines(keepends=True):
            yield piece, piece.endswith((b"\n", b"\r"))
    yield held, True
