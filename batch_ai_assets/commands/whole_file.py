"""Files that a command writes for a person: whole or not at all, and private where they must be."""

from __future__ import annotations

import os
from pathlib import Path

import click


def write_whole(file: Path, content: bytes, *, private: bool = False) -> None:
    """Write beside `file`, then put it in its place: what was there stays where that fails.

    private: for this user's eyes alone. A device or a pipe is written to as it is.
    """
    try:
        place = file.resolve()
        if place.exists() and not place.is_file():
            place.write_bytes(content)
            return
        beside = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _mode(place, private))
            with os.fdopen(handle, "wb") as opened:
                opened.write(content)
            beside.replace(place)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error


def _mode(place: Path, private: bool) -> int:
    """0600 where it is private, else what the file that is there has."""
    if private:
        return 0o600
    return place.stat().st_mode & 0o777 if place.exists() else 0o666
