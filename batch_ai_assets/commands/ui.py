"""`batch-ai ui`: the Dagster UI on the instance that the command line writes to."""

from __future__ import annotations

import os
import sys

import click

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.ui_links import HOST, PORT, asset_path


@click.command("ui")
@click.argument("job", required=False)
@click.argument("batch", required=False)
@click.option("--port", default=PORT, show_default=True)
def ui(job: str | None, batch: str | None, port: int) -> None:
    """Open the Dagster UI and its daemon on 127.0.0.1; print the page of JOB or of BATCH.

    A home has one UI and one daemon: where they run already, only their page is printed.
    """
    from batch_ai_assets.commands.dagster_seam import open_instance
    from batch_ai_assets.commands.running_ui import claim
    from batch_ai_assets.settings import settings

    here = settings()
    here.prepare_home()
    page = _page(job, batch)
    running = claim(here.dagster_home, port)
    if running is not None:
        click.echo(f"Open http://{HOST}:{running.port}{page}")
        click.echo(f"The UI of {here.home} runs there already; no second one was started.")
        return
    click.echo(f"Open http://{HOST}:{port}{page}  (Ctrl-C stops the UI)")
    sys.stdout.flush()
    with open_instance(str(here.dagster_home)):
        pass  # made by one process, before the UI and its daemon open it at once
    command = [
        sys.executable, "-m", "batch_ai_assets.commands.dagster_dev", "dev",
        "-m", "batch_ai_assets.definitions", "--host", HOST, "--port", str(port),
    ]  # fmt: skip
    os.execve(sys.executable, command, here.child_environment())  # noqa: S606 - our own interpreter


def _page(job: str | None, batch: str | None) -> str:
    """The path of the page in the UI. Raises SpecError, naming what there is."""
    if job is None:
        return "/"
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    load_registry(settings().registry, prove_rules=False).job(job)
    if batch is not None:
        _check_batch(job, batch)
    return asset_path(job, "completion_report", batch)


def _check_batch(job: str, batch: str) -> None:
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        known = [row.batch for row in deps.store.overview(job)]
    if batch in known:
        return
    newest = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
    there = f"There are: {newest}." if known else f"Make one with: batch-ai run {job}"
    raise SpecError(f"There is no batch {job}/{batch}. {there}")
