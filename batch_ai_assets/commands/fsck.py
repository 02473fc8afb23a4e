"""`batch-ai fsck`: do the state store, the published tables and the pointers tell one story?"""

from __future__ import annotations

import click


@click.command("fsck")
@click.argument("job")
@click.argument("batch")
def fsck(job: str, batch: str) -> None:
    """Compare the state store with the published tables of BATCH. Exit code 1 on a finding."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.fsck import fsck as examine

    with open_deps() as deps:
        if deps.store.batches.state(job, batch) is None:
            raise click.ClickException(
                f"There is no batch {job}/{batch}. batch-ai status shows which there are."
            )
        findings = examine(job, batch, deps)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise SystemExit(1)
    click.echo(f"{job}/{batch}: state store, tables and pointers agree.")
