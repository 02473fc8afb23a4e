"""Text folder: every file is one item, named by its path."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial

from .admission import MAX_ITEM_BYTES, Item
from .document import Problem
from .files import FileAccess, SourceFile, list_files, unreadable
from .location import InputLocation
from .retry import Retry, is_passing

_CHUNK_BYTES = 1 << 18


def read_text(location: InputLocation, access: FileAccess, retry: Retry) -> Iterator[Item]:
    """One item per file, in path order; one file is in memory at a time.

    A file that is gone or closed to us when its turn comes is an item with a Problem. Raises
    IntakeError where the store does not answer, or the folder cannot be listed.
    """
    for file in list_files(location, access, retry):
        yield _item(file, access, retry)


def _item(file: SourceFile, access: FileAccess, retry: Retry) -> Item:
    if file.problem is not None:
        return Item(file.name, file.name, problem=file.problem)
    try:
        raw = retry(partial(_content, file.path, access))
    except OSError as error:
        if is_passing(error):
            raise unreadable(file.name, error) from error
        message = (
            f"{file.name!r} was listed but cannot be read ({error.strerror}); "
            "put it back or correct who may read it"
        )
        return Item(file.name, file.name, problem=Problem("unreadable", message))
    if len(raw) > MAX_ITEM_BYTES:
        message = f"{file.name!r} is larger than {MAX_ITEM_BYTES:,} bytes; split it"
        return Item(file.name, file.name, problem=Problem("unreadable", message))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Item(file.name, file.name, raw, problem=_undecodable(file, raw, error))
    return Item(file.name, file.name, raw, text.removeprefix("\ufeff"))


def _content(path: str, access: FileAccess) -> bytes:
    """The file's bytes, or a little more than the bound where it is larger."""
    chunks: list[bytes] = []
    size = 0
    # In chunks, because one read of the bound would set that much memory aside for every file.
    with access.open(path) as handle:
        while size <= MAX_ITEM_BYTES and (chunk := handle.read(_CHUNK_BYTES)):
            chunks.append(chunk)
            size += len(chunk)
    return b"".join(chunks)


def _undecodable(file: SourceFile, raw: bytes, error: UnicodeDecodeError) -> Problem:
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    found = "it looks like UTF-16" if utf16 else f"{error.reason} at byte offset {error.start}"
    return Problem("undecodable", f"{file.name!r} is not UTF-8: {found}; save it as UTF-8")
