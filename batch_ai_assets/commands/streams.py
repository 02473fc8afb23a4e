"""The two streams of a command: results to standard output, talk to standard error."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


NO_EDGE = 10_000
"""Columns of a pipe: nothing is cut."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Where output goes to a file on a full disk."""


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


def close_output() -> None:
    """What could not be written is not tried once more at the end, which would be a trace-back."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def is_text(argument: str) -> bool:
    """Whether an argument was UTF-8: Python lets other bytes through as halves of letters."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
