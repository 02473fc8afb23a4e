"""The two streams of a command: results to standard output, talk to standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def output() -> Console:
    """Where results go; plain text where it is a pipe."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def errors() -> Console:
    """Where progress and problems go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)
