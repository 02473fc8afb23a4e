"""Who types the commands, for the audit trail."""

from __future__ import annotations

import getpass
import os


def person(by: str | None = None) -> str:
    """`cli:NAME`: the name that somebody gives, else that of the account; its number where the
    machine has no name for it."""
    if by is not None:
        return f"cli:{by.strip()}"
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"cli:uid-{os.getuid()}"
