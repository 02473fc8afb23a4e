"""`batch-ai dbt`: the dbt tests of one batch, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.dbt_tests import DbtFinding


@click.command("dbt")
@click.argument("job")
@click.argument("batch")
@click.pass_context
def dbt(context: click.Context, job: str, batch: str) -> None:
    """Run the dbt tests over a BATCH of JOB. Exit code 1 if one of them fails.

    Every file of dbt_validation/tests is one; the comment at its head is what it means. One of
    severity warn does not fail.
    """
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.dbt_tests import run_dbt

    found = job_named(job)
    with open_deps() as deps:
        run = run_dbt(found, batch, deps)
    console = output()
    if not run.findings:
        console.print(f"{job}/{batch} holds no document: there is nothing to test.", markup=False)
        return
    for one in run.findings:
        word, style = _word(one)
        console.print(f"{word:<6}  {one.name}", style=style, markup=False)
        if word == "passed":
            continue
        console.print(f"        {one.meaning}", markup=False)
        console.print(f"        {one.found}", markup=False)
    words = [_word(one)[0] for one in run.findings]
    failed, warned = words.count("FAILED"), words.count("warned")
    warnings = f", {warned} warned" if warned else ""
    console.print(
        f"{len(words)} tests, {failed} failed{warnings}; dbt took {run.seconds:.1f} s.",
        markup=False,
    )
    if failed:
        context.exit(1)


def _word(one: DbtFinding) -> tuple[str, str]:
    """How a test ended, and its colour."""
    if one.warned:
        return "warned", "yellow"
    if one.off:
        return "off", "dim"
    return ("passed", "green") if one.passed else ("FAILED", "bold red")
