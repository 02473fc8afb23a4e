"""Who types the commands, for the audit trail."""

from __future__ import annotations

import getpass
import os


def person() -> str:
    """`cli:NAME`; the number of the account where the machine has no name for it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"cli:uid-{os.getuid()}"
