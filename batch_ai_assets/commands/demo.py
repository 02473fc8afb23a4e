"""`batch-ai demo`: the bundled job on real documents of this machine, with a real model."""

from __future__ import annotations

import click

JOB = "licence_screening"


@click.command("demo")
@click.option("--batch", metavar="KEY", help="Name the batch; default: a new one.")
@click.pass_context
def demo(context: click.Context, batch: str | None) -> None:
    """Classify the licence texts of this Python environment and print the completion report.

    Needs no key and no network: the model runs on this machine. The job is the bundled one,
    whatever BATCH_AI_REGISTRY says.
    """
    from batch_ai_assets.commands.run import run_and_report
    from batch_ai_assets.demo.licences import collect
    from batch_ai_assets.engine.spec.registry import BUNDLED_REGISTRY
    from batch_ai_assets.settings import settings

    here = settings()
    here.prepare_home()
    target = here.inbox / JOB
    count = collect(target)
    click.echo(f"{count:,} licence texts of this environment are in {target}")
    context.exit(run_and_report(BUNDLED_REGISTRY, JOB, batch))
