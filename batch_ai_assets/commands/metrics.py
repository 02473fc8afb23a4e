"""`batch-ai metrics`: how every batch stands now, in the text format of Prometheus."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("metrics")
@click.option(
    "--output", "file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, whole or not at all, instead of showing it.",
)  # fmt: skip
def metrics(file: Path | None) -> None:
    """Print the figures of every batch of the last day, of dead letters, alerts and providers.

    The sensor `watch` writes the same to metrics/batch_ai.prom below the home, twice a minute,
    for the textfile collector of node_exporter; without a daemon, call this from cron.
    """
    from batch_ai_assets.commands.whole_file import write_whole
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.metrics import metrics as look
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    jobs = load_registry(settings().registry, prove_rules=False).jobs
    with open_deps() as deps:
        text = look(jobs, deps)
    if file is None:
        click.echo(text, nl=False)
    else:
        write_whole(file, text.encode())
