"""The two streams of a command: results to standard output, talk to standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


NO_EDGE = 10_000
"""Columns of a pipe: nothing is cut."""


def output() -> Console:
    """Where results go; plain text of any width where it is a pipe."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = NO_EDGE
    return console


def errors() -> Console:
    """Where progress and problems go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)
