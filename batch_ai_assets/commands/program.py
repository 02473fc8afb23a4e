"""Commands to copy: `batch-ai …` as it can be typed into this very shell."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "batch-ai"


def command(*words: str, **variables: str) -> str:
    """A command line that works as it stands; `variables` are set for it alone."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return " ".join([*settings, _program(), *map(_quoted, words)])


def ids(*items: str) -> tuple[str, ...]:
    """Ids as the last words of a command: one that begins with a dash is no option."""
    return ("--", *items) if any(item.startswith("-") for item in items) else items


def replay_command(job: str, batch: str, item: str) -> str:
    """The command that asks about one document again."""
    return command("dlq", "replay", job, batch, "--root-cause", "TEXT", *ids(item))


def discard_command(job: str, batch: str, item: str) -> str:
    """The command that gives one document up."""
    return command("dlq", "discard", job, batch, "--why", "TEXT", *ids(item))


def _quoted(word: str) -> str:
    """For the shell; letters that would move the cursor as the shell writes them."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(one if one.isprintable() else repr(one)[1:-1] for one in escaped) + "'"


def _program() -> str:
    """`batch-ai` where the shell finds this one by its name, else the way that it was called."""
    used = Path(sys.argv[0])
    if used.name == "cli.py":
        return f"{shlex.quote(sys.executable)} -m batch_ai_assets.cli"
    if used.name != NAME:
        return NAME
    found = shutil.which(NAME)
    return NAME if found and Path(found).samefile(used) else shlex.quote(sys.argv[0])
