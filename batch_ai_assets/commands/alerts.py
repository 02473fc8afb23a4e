"""`batch-ai alerts`: what is wrong now, or was; and sending what nobody was told of yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.state.alerts import KeptAlert


@click.command("alerts")
@click.option("--all", "everything", is_flag=True, help="Show resolved ones too.")
@click.option("--limit", default=20, show_default=True, help="Of all, the last so many.")
@click.option("--send", is_flag=True, help="Send what was not delivered yet, as the sensor does.")
def alerts(everything: bool, limit: int, send: bool) -> None:
    """Show what is wrong now: which job and batch, since when, and what to do."""
    from batch_ai_assets.alert_delivery import deliver
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        delivery = deliver(deps.store) if send else None
        rows = deps.store.alerts.newest(limit) if everything else deps.store.alerts.open()
    for kept in rows:
        _tell(kept)
    if not rows:
        click.echo("There is no alert yet." if everything else "Nothing is wrong.")
    if delivery is not None:
        click.echo(delivery.words)


def _tell(kept: KeptAlert) -> None:
    console = output()
    alert = kept.alert
    since = f"since {_time(kept.opened_at)}"
    if kept.resolved_at is not None:
        word, style = "resolved", "green"
        since += f" until {_time(kept.resolved_at)}"
    else:
        word, style = alert.severity, "red" if alert.severity == "error" else "yellow"
    console.print(f"{word:<9} {alert.title}  {since}", style=style, markup=False)
    console.print(f"          {alert.message}", markup=False)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
