"""Row files: the files whose rows are items, one after the other; and a file that is itself one.

What all formats of rows share: a file that is gone, closed to us or broken is one item with a
Problem, named by the file. How rows are found is in `jsonl.py`, `csv_rows.py`, `parquet_rows.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .access import FileAccess
from .admission import Item
from .document import Problem, ProblemReason
from .files import SourceFile, list_files, unreadable
from .location import InputLocation
from .retry import Retry, is_passing
from .steady import SteadyFile

ReadItems = Callable[[SourceFile, SteadyFile], Iterator[Item]]
"""The items of one file. Raises OSError where it cannot be read to its end."""


def items_of_files(
    location: InputLocation, access: FileAccess, retry: Retry, items: ReadItems
) -> Iterator[Item]:
    """The items of all files that belong to the batch, file by file.

    What was read of a file until it could not be read on stays. Raises IntakeError where the store
    does not answer, or the folder cannot be listed.
    """
    for file in list_files(location, access, retry):
        if file.problem is not None:
            yield Item(file.name, file.name, problem=file.problem, kind=file.kind)
            continue
        opened = SteadyFile(file.path, access, retry)
        try:
            yield from items(file, opened)
        except OSError as error:
            if is_passing(error):
                raise unreadable(file.name, error) from error
            yield broken_file(
                file,
                f"was listed but cannot be read to its end ({error.strerror}); put it back or "
                "correct who may read it",
            )
        finally:
            opened.close()


def broken_file(file: SourceFile, what: str, reason: ProblemReason = "unreadable") -> Item:
    """The one item that stands for a file, or for what could not be read of it."""
    problem = Problem(reason, f"{file.name!r} {what}")
    return Item(file.name, file.name, problem=problem, kind=file.kind)
