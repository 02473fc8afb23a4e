"""Tables of words on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from batch_ai_assets.commands.streams import output

_NUMBERS = frozenset({"count", "attempts", "confidence"})


def print_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Names over rows; numbers to the right. Nothing in a cell is markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    output().print(table)


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
