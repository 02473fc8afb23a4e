"""`batch-ai slo`: what every job promises over a month, beside what its batches have kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.slo import Objective


@click.command("slo")
@click.argument("job", required=False)
def slo(job: str | None) -> None:
    """Show the objectives of JOB, or of every job, over its batches of the last 30 days.

    Exit code 1 where one is not kept.
    """
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.objectives import measured
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    registry = load_registry(settings().registry, prove_rules=False)
    jobs = [registry.job(job)] if job else [registry.jobs[name] for name in sorted(registry.jobs)]
    breached = False
    with open_deps() as deps:
        for one in jobs:
            found = measured(one, deps)
            breached |= any(objective.breached for objective in found)
            click.echo(click.style(one.name, bold=True))
            for objective in found:
                _tell(objective)
    if breached:
        raise SystemExit(1)


def _tell(one: Objective) -> None:
    side = "<=" if one.at_most else ">="
    share = "-" if one.measured is None else f"{one.measured:.2%}"
    if one.measured is None:
        word, style = "none yet", "dim"
    elif one.kept:
        word, style = "kept", "green"
    elif one.breached:
        word, style = "MISSED", "red"
    else:
        word, style = "too few", "yellow"
    line = (
        f"  {one.name:<21} {share:>8}  {side} {one.target:>7.2%}  {word:<8}"
        f"  {one.of:,} {one.unit}"
    )
    output().print(line, style=style, markup=False)
    if one.breached:
        output().print(f"      {one.todo}", markup=False)
