"""The cost record as Markdown, for the Dagster UI and for a ticket."""

from __future__ import annotations

from collections.abc import Iterator

from .costs import CostRecord
from .costs_wording import Table, headline, moment, spending_by_day, tables, with_code
from .markdown import safe, table
from .plots import text_bar

_BAR = 12


def render_costs_markdown(record: CostRecord) -> str:
    """The whole page; ends with a newline."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: CostRecord) -> Iterator[str]:
    yield f"# Costs · {safe(record.title)}"
    yield ""
    for said in record.warnings:
        yield f"- **WARN** {safe(said)}"
    if record.warnings:
        yield ""
    for line in headline(record):
        yield f"- {safe(line)}"
    yield ""
    if by_day := spending_by_day(record):
        yield safe(by_day)
        yield ""
    for one in tables(record):
        yield f"## {one.title}"
        yield from _table(one)
    yield f"Drawn up {moment(record.drawn_up_at)}; months are UTC."


def _table(one: Table) -> Iterator[str]:
    rows = [tuple(map(safe, row)) for row in one.rows]
    heads = one.heads
    if one.shares:
        heads = (*heads, "")
        rows = [
            (*row, f"{text_bar(share, _BAR)}") for row, share in zip(rows, one.shares, strict=True)
        ]
    yield from table(heads, rows, right=one.right)
    if one.note:
        yield "".join(f"`{part}`" if code else safe(part) for part, code in with_code(one.note))
        yield ""
