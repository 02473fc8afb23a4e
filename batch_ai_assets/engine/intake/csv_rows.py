"""CSV: every row is one item, its columns named by the first row.

Which lines make a row, and where a broken one ends, is found out in `csv_parse.py`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from ..errors import IntakeError
from ..spec.input import InputSpec
from .access import FileAccess
from .admission import MAX_ITEM_BYTES, Item
from .csv_lines import csv_lines, sample_of
from .csv_parse import CsvParse, CsvRow
from .document import Problem
from .encoding import detect, is_binary
from .files import SourceFile
from .location import InputLocation
from .records import needed_columns, record_item, require_columns
from .retry import Retry
from .row_files import broken_file, items_of_files
from .steady import SteadyFile

_OTHER_DELIMITERS = ",;\t|"


def read_csv(
    spec: InputSpec, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """One item per row that is not blank, in the order of files and rows.

    Rows are numbered from 1, the header not counted. One row is in memory at a time. A row of
    another length than the header, or that is not text, is an item with a Problem, and so is what
    a quote that is not closed makes unreadable. Raises IntakeError where the store does not
    answer, or a file lacks a column that the job names.
    """
    check_delimiter(spec.delimiter)

    def items(file: SourceFile, opened: SteadyFile) -> Iterator[Item]:
        return _items(spec, file, opened)

    return items_of_files(location, access, retry, items)


def check_delimiter(delimiter: str) -> None:
    """IntakeError where no columns can be told apart by it."""
    try:
        list(csv.reader(["a"], delimiter=delimiter))
        usable = delimiter not in '"\r\n'
    except (ValueError, TypeError, csv.Error):
        usable = False
    if not usable:
        raise IntakeError(
            f"input.delimiter {delimiter!r} cannot stand between columns; write for example ',' "
            "or ';' or \"\\t\""
        )


def _items(spec: InputSpec, file: SourceFile, opened: SteadyFile) -> Iterator[Item]:
    sample = sample_of(opened)
    encoding = detect(sample, spec.encoding)
    lines = csv_lines(opened, encoding, MAX_ITEM_BYTES)
    parse = CsvParse(lines, spec.delimiter, MAX_ITEM_BYTES)
    header = parse.header()
    if header is None:
        return
    if header.fault is not None:
        if is_binary(sample):
            yield broken_file(file, "is not a text file; write it as CSV", "undecodable")
        else:
            yield broken_file(
                file, f"has no readable line of column names: it {header.fault}", header.reason
            )
        return
    names = [name.strip() for name in header.fields]
    hint = _other_delimiter(spec, header.fields)
    require_columns(spec, names, repr(file.name), hint, of_a_line=True)
    column_of = {name: names.index(name) for name in needed_columns(spec)}
    parse.begin(len(names), None if spec.id is None else column_of[spec.id])
    for row in parse.rows():
        yield _item(spec, file.name, row, column_of)


def _item(spec: InputSpec, file: str, row: CsvRow, column_of: dict[str, int]) -> Item:
    mark = f"#row={row.number}"
    where = f"row {row.number} (line {row.line}) of {file!r}"
    if row.fault is None:
        fields = row.fields
        record = {name: fields[index] for name, index in column_of.items()}
        return record_item(spec, record, file, mark, row.raw, where)
    place = file + mark
    problem = Problem(row.reason, f"{where} {row.fault}")
    return Item(place, place, row.raw, mark=mark, problem=problem, kind="row")


def _other_delimiter(spec: InputSpec, header: Sequence[str]) -> str:
    """What to do where the header makes sense with another delimiter."""
    line = spec.delimiter.join(header)
    for delimiter in _OTHER_DELIMITERS:
        names = {name.strip() for name in line.split(delimiter)}
        if delimiter != spec.delimiter and names.issuperset(needed_columns(spec)):
            return f"Its columns seem to be separated by {delimiter!r}: set input.delimiter"
    return ""
