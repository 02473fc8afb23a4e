"""Tables of words on the terminal, and words that are none of ours made harmless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from batch_ai_assets.commands.streams import NO_EDGE, output

_NUMBERS = frozenset({"count", "attempts", "confidence"})


def print_columns(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, or_blocks: bool = False
) -> None:
    """Names over rows; numbers to the right. Nothing in a cell is markup, or moves the cursor.

    or_blocks: a table that is wider than the terminal is shown row by row, a line for each cell.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(Text(in_line(name)), justify="right" if name in _NUMBERS else "left")
    for row in rows:
        table.add_row(*(Text(in_line(cell)) for cell in row))
    console = output()
    needed = console.measure(table, options=console.options.update(width=NO_EDGE)).maximum
    if not or_blocks or needed <= console.width:
        with console.capture() as drawn:
            console.print(table)
        for line in drawn.get().splitlines():
            click.echo(line.rstrip())  # in a pipe, the last column is as wide as its widest cell
        return
    for row in rows:
        click.echo(click.style(in_line(row[0]), bold=True))
        for name, cell in zip(names[1:], row[1:], strict=True):
            if cell:
                click.echo(f"  {in_line(name)}: {in_line(cell)}")


def utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def in_line(text: str) -> str:
    """Words such as ids and messages, harmless, and in one line whatever is in them."""
    found = harmless(text.encode("utf-8", "backslashreplace"))
    return found.replace("\n", "\\n").replace("\t", "\\t")


def harmless(content: bytes) -> str:
    """Text that cannot move the cursor or colour the terminal: a document is never trusted."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1]
        for letter in text
    )
