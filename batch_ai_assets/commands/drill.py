"""`batch-ai drill`: bring a platform of its own into trouble, and show what was seen."""

from __future__ import annotations

import json
import signal
from types import FrameType
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import errors

if TYPE_CHECKING:
    from batch_ai_assets.drills.drill import Drill
    from batch_ai_assets.drills.fact import Report

_WIDTH = 100


@click.command("drill")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each drill.")
def drill(name: str | None, as_json: bool) -> None:
    """Try how the platform meets trouble: NAME, or `all`; without a name, list what there is.

    A drill runs on a temporary home with a provider on this machine: nothing of yours is touched,
    and nothing is paid. Exit code 1 where a fact does not hold to its bar.
    """
    from batch_ai_assets.drills.catalogue import DRILLS

    if name is None:
        for one in DRILLS.values():
            click.echo(f"{one.name:<20} {one.proves}")
        return
    if name != "all" and name not in DRILLS:
        raise click.UsageError(f"There is no drill {name!r}; there are: all, {', '.join(DRILLS)}.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    chosen = list(DRILLS.values()) if name == "all" else [DRILLS[name]]
    failed = [one.name for one in chosen if not _holds(one, as_json)]
    if failed:
        raise SystemExit(1)


def _holds(one: Drill, as_json: bool) -> bool:
    talk = errors()
    report = one.carry_out(lambda line: talk.print(f"{one.name}: {line}", markup=False))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _show(report)
    return report.holds


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    from batch_ai_assets.drills.fact import shown

    console = Console(highlight=False)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    table = Table(title=f"{report.drill} ({report.seconds:.0f} s)", title_justify="left")
    table.add_column("fact", overflow="fold")
    table.add_column("seen", overflow="fold", justify="right")
    table.add_column("bar", overflow="fold")
    table.add_column("holds")
    for fact in report.facts:
        holds = "[green]yes[/]" if fact.holds else "[red]NO[/]"
        table.add_row(fact.name, shown(fact.value), fact.bar, holds)
    console.print(table)


def _end(number: int, _frame: FrameType | None) -> None:
    """Told to go, or the terminal was closed: what was started goes first."""
    raise SystemExit(128 + number)
