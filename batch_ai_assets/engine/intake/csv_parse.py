"""CsvParse: which lines make a row of CSV, and where reading goes on behind a broken row.

Quotes are taken strictly: behind a closing quote comes a delimiter or the end of the line. Where
that does not hold, a quote was opened and not closed, or one within a text was not doubled; the
lines that follow may be rows that the quote swallowed, or the rest of a text. So the first line of
the broken row is passed over, and reading goes on at the next line from which rows can be read
again: two with the right number of columns and ids of the shape that ids had before (`9`, `a-9`),
or three where ids have no shape to go by. What lies between is one broken row; parts of a text
must not be taken for documents. Where nothing tells rows from text, it ends with the file.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .document import ProblemReason
from .lines import Line

_REMEMBERED_IDS = 64
_MOST_SHAPES = 8
_ROWS_WITH_SHAPE = 2
_ROWS_WITHOUT_SHAPE = 3
_MOST_LINES = 250_000
"""Lines of one row: short ones take more memory than their bytes."""
_SEARCH_BYTES = 64 * 1024 * 1024
"""So much is looked at in search of rows, then the rest of a file is one broken row: one made for
it could otherwise be read to its end once for each of its lines."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row, or what could not be read as rows."""

    number: int
    """From 1; the header is 0."""
    line: int
    """The line it begins in, from 1."""
    fields: Sequence[str] = field(repr=False)
    raw: bytes = field(repr=False)
    """Its lines as UTF-8; empty where they are too many to be held."""
    fault: str | None = None
    """What is wrong with it, to follow its name in a sentence."""
    reason: ProblemReason = "unreadable"


class _TooLongError(Exception):
    """A row is longer than may be held."""


class CsvParse:
    """The rows of one file, in one pass; in memory is what one row is made of."""

    def __init__(self, lines: Iterator[Line], delimiter: str, max_bytes: int) -> None:
        # The library's own bound on a field holds for the whole process.
        csv.field_size_limit(max(csv.field_size_limit(), max_bytes))
        self._lines = lines
        self._delimiter = delimiter
        self._max_bytes = max_bytes
        self._width = 0
        self._id_column: int | None = None
        self._number = 0
        self._ids: deque[str] = deque(maxlen=_REMEMBERED_IDS)
        self._again: deque[Line] = deque()
        """Lines that were looked at and given back."""
        self._held: list[Line] = []
        """The lines of the row that is being read."""
        self._size = 0
        self._sound = True
        self._ended = False
        self._trail: list[Line] | None = None
        """All lines taken since it was set, so that they can be given back."""
        self._searched = 0
        self._start_reader()

    def header(self) -> CsvRow | None:
        """The first row, None where there is none; with a fault where it names no columns."""
        read = self._next()
        return None if read is None else self._row(read)

    def begin(self, width: int, id_column: int | None) -> None:
        """What the rows look like: so many columns, the id in that one."""
        self._width = width
        self._id_column = id_column

    def rows(self) -> Iterator[CsvRow]:
        """All rows behind the header but blank ones, the broken ones as well."""
        while (read := self._next()) is not None:
            self._number += 1
            row = self._row(read)
            if row.fault is None:
                if self._id_column is not None:
                    self._ids.append(row.fields[self._id_column])
            elif isinstance(read, str):
                row = self._passed_over(row)
            elif len(self._held) > 1 and len(read) != self._width and self._shapes():
                # A quote may have been closed by the one that opens a later row.
                row = self._passed_over(row)
            yield row

    def _next(self) -> list[str] | str | None:
        """The columns of the next row; what is wrong where it cannot be told; None at the end."""
        while True:
            self._held = []
            self._size = 0
            self._sound = True
            try:
                fields = next(self._reader, None)
            except _TooLongError:
                self._start_reader()
                return (
                    f"is longer than {self._max_bytes:,} bytes or {_MOST_LINES:,} lines; split "
                    "the document, or close the quote that opens in it"
                )
            except csv.Error:
                self._start_reader()
                if self._ended:
                    return "opens a quote that is never closed; close it"
                return (
                    'has a quote that is not closed, or one within a text that is not doubled (""'
                    "); correct it"
                )
            if fields is None or not self._is_blank(fields):
                return fields

    def _is_blank(self, fields: list[str]) -> bool:
        if not fields:
            return True
        # In a table of one column, blanks are a row.
        return len(fields) == 1 != self._width and (self._held[0].content or b"").isspace()

    def _start_reader(self) -> None:
        self._reader = csv.reader(self._texts(), delimiter=self._delimiter, strict=True)

    def _texts(self) -> Iterator[str]:
        while (line := self._line()) is not None:
            self._held.append(line)
            self._size += line.size
            too_many = self._size > self._max_bytes or len(self._held) > _MOST_LINES
            if line.content is None or too_many:
                raise _TooLongError
            try:
                text = line.content.decode("utf-8")
            except UnicodeDecodeError:
                self._sound = False
                text = line.content.decode("utf-8", "surrogateescape")
            yield text

    def _line(self) -> Line | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        self._ended = line is None
        if line is not None and self._trail is not None:
            self._trail.append(line)
        return line

    def _row(self, read: list[str] | str) -> CsvRow:
        """The row made of the lines that are held."""
        reason: ProblemReason = "unreadable"
        fault: str | None = None
        if isinstance(read, str):
            fault = read
        elif not self._sound:
            reason = "undecodable"
            fault = (
                "holds what is no text in the character set of the file; write the file as UTF-8, "
                "or name its character set in input.encoding"
            )
        elif self._width and len(read) != self._width:
            fault = (
                f"has {len(read)} columns and the header {self._width}; put a text that holds "
                f"{self._delimiter!r} in quotes"
            )
        fields = read if fault is None and not isinstance(read, str) else ()
        return CsvRow(self._number, self._held[0].number, fields, self._raw(), fault, reason)

    def _raw(self) -> bytes:
        if len(self._held) == 1:
            return self._held[0].content or b""
        if self._size > self._max_bytes:
            return b""
        return b"".join(line.content or b"" for line in self._held)

    def _passed_over(self, row: CsvRow) -> CsvRow:
        """The broken row with all lines up to those that are rows again."""
        first, *others = self._held
        self._give_back(others)
        raw = bytearray(first.content or b"")
        size, last, end = first.size, first.number, ""
        while not self._rows_ahead():
            line = self._line()
            if line is None:
                end = " (the end of the file)"
                break
            size, last = size + line.size, line.number
            if size <= self._max_bytes:
                raw += line.content or b""
        fault = row.fault
        if last > row.line:
            fault = f"{fault}; lines {row.line} to {last}{end} were not read as rows"
        held = bytes(raw) if size <= self._max_bytes else b""
        return CsvRow(row.number, row.line, (), held, fault, row.reason)

    def _rows_ahead(self) -> bool:
        """Whether rows can be read from the next line on. Reads nothing away."""
        if self._searched > _SEARCH_BYTES:
            return False
        shapes = self._shapes()
        if self._width < 2 and not shapes:
            # Every line would do.
            return False
        self._trail = []
        found = self._are_rows(shapes)
        seen, self._trail = self._trail, None
        self._searched += sum(line.size for line in seen)
        self._give_back(seen)
        return found

    def _are_rows(self, shapes: set[str]) -> bool:
        wanted = _ROWS_WITH_SHAPE if shapes else _ROWS_WITHOUT_SHAPE
        for number in range(wanted):
            read = self._next()
            if read is None:
                return number > 0
            if isinstance(read, str) or not self._sound or len(read) != self._width:
                return False
            if shapes and _shape(read[self._id_column or 0]) not in shapes:
                return False
        return True

    def _give_back(self, lines: list[Line]) -> None:
        self._again.extendleft(reversed(lines))
        self._start_reader()

    def _shapes(self) -> set[str]:
        """The shapes of the last ids; none where they tell nothing."""
        shapes = {_shape(name) for name in self._ids}
        regular = len(shapes) <= _MOST_SHAPES and all("9" in shape for shape in shapes)
        return shapes if regular else set()


def _shape(name: str) -> str:
    """An id with its runs of digits as `9` and its runs of letters as `a`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", name))
