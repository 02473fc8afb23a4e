"""Text folder: every file is one item, named by its path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..spec.input import InputSpec
from .access import FileAccess
from .admission import MAX_ITEM_BYTES, Item
from .document import Problem
from .extract import extract
from .files import SourceFile, list_files, unreadable
from .location import InputLocation
from .retry import Retry, is_passing

_CHUNK_BYTES = 1 << 18


def read_text(
    spec: InputSpec, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """One item per file, in path order; one file is in memory at a time.

    A file that is gone or closed to us when its turn comes is an item with a Problem. Raises
    IntakeError where the store does not answer, or the folder cannot be listed.
    """
    for file in list_files(location, access, retry):
        yield _item(spec, file, access, retry)


def file_problem(file: SourceFile, problem: Problem, raw: bytes = b"") -> Item:
    """The item that stands for a whole file with which something is wrong."""
    return Item(file.name, file.name, raw, problem=problem, kind=file.kind, changed=file.changed)


def gone(file: SourceFile, error: OSError) -> Problem:
    """What is wrong with a file that cannot be read when its turn comes.

    Raises IntakeError where the error may pass: then the batch is read another time.
    """
    if is_passing(error):
        raise unreadable(file.name, error) from error
    return Problem(
        "unreadable",
        f"{file.name!r} was listed but cannot be read ({error.strerror}); "
        "put it back or correct who may read it",
    )


def _item(spec: InputSpec, file: SourceFile, access: FileAccess, retry: Retry) -> Item:
    if file.problem is not None:
        return file_problem(file, file.problem)
    try:
        raw = retry(partial(_content, file.path, access))
    except OSError as error:
        return file_problem(file, gone(file, error))
    if len(raw) > MAX_ITEM_BYTES:
        message = f"{file.name!r} is larger than {MAX_ITEM_BYTES:,} bytes; split it"
        return file_problem(file, Problem("unreadable", message))
    found = extract(raw, file.kind, file.name, spec.encoding)
    if isinstance(found, Problem):
        return file_problem(file, found, raw)
    return Item(
        file.name,
        file.name,
        raw,
        found.text,
        kind=file.kind,
        pages=found.pages,
        changed=file.changed,
        plain=found.plain,
    )


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
