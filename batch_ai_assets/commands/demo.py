"""`batch-ai demo`: the bundled job on real documents of this machine, with a real model; then a
job whose money and time run out, and what people are told and do."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from batch_ai_assets.commands.program import NAME

JOB = "licence_screening"
_SOON_SECONDS = 25.0
"""Longer than the deadline of the second job."""


@click.command("demo")
@click.option("--batch", metavar="KEY", help="Name the batch; default: a new one.")
@click.option("--short", is_flag=True, help="Leave out what happens when money and time run out.")
@click.pass_context
def demo(context: click.Context, batch: str | None, short: bool) -> None:
    """Classify the licence texts of this Python environment and print the completion report.

    Needs no key and no network: the model runs on this machine. The job is the bundled one,
    whatever BATCH_AI_REGISTRY says. A second job then shows budget, deadline and alerts.
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
    code = run_and_report(BUNDLED_REGISTRY, JOB, batch)
    if code == 0 and not short:
        _second_act(here.home / "demo", target)
    context.exit(code)


def _second_act(folder: Path, documents: Path) -> None:
    """The same texts on a tight budget: every command is shown with what it says."""
    from batch_ai_assets.demo.on_a_budget import prepare
    from batch_ai_assets.settings import separate_environment

    place = prepare(folder, documents)
    environment = separate_environment(place.home, place.registry)
    called = Path(sys.argv[0])
    as_module = [sys.executable, "-m", "batch_ai_assets.cli"]
    program = [str(called)] if called.name == NAME else as_module
    began = time.monotonic()
    batch = f"run-{time.strftime('%Y%m%dt%H%M%Sz', time.gmtime()).lower()}"
    for said, words in _acts(batch):
        click.echo()
        click.secho(said, bold=True)
        if words[0] == "watch":
            time.sleep(max(0.0, _SOON_SECONDS - (time.monotonic() - began)))
        click.secho(f"$ {shlex.join([NAME, *words])}", fg="cyan")
        sys.stdout.flush()
        subprocess.run([*program, *words], env=environment, check=False)


def _acts(batch: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is about to be seen, and the command."""
    from batch_ai_assets.demo.on_a_budget import ENOUGH_USD, HALFWAY_USD, JOB, LIMIT_USD

    run = ("run", JOB, "--batch", batch)

    def approve(usd: float, why: str) -> tuple[str, ...]:
        return ("approve", JOB, batch, "--limit-usd", f"{usd}", "--reason", why)

    yield (f"The same texts for {LIMIT_USD} USD. They are expected to cost more: nothing is asked.",
           run)  # fmt: skip
    yield ("A person lets it begin all the same, with too little.", approve(HALFWAY_USD, "a try"))
    yield ("It asks, and stops before the limit is passed. What was answered is kept.", run)
    yield ("Meanwhile its deadline passes. In production a sensor sees that.", ("watch",))
    yield ("What people have been told, and what to do.", ("alerts",))
    yield ("A person gives it what it needs.", approve(ENOUGH_USD, "month end"))
    yield ("It goes on where it stopped: nothing is paid for twice.", run)
    yield ("All is said to be over.", ("alerts", "--all"))
