"""`batch-ai ui`: the Dagster UI on the instance that the command line writes to."""

from __future__ import annotations

import os
import sys

import click


@click.command("ui")
@click.argument("job", required=False)
@click.argument("batch", required=False)
@click.option("--port", default=3000, show_default=True)
def ui(job: str | None, batch: str | None, port: int) -> None:
    """Open the Dagster UI and its daemon on 127.0.0.1; print the page of JOB or of BATCH."""
    from batch_ai_assets.settings import settings

    here = settings()
    here.prepare_home()
    page = f"http://127.0.0.1:{port}"
    if job:
        page += f"/assets/{job}/completion_report"
    if batch:
        page += f"?view=partitions&partition={batch}"
    click.echo(f"Open {page}  (Ctrl-C stops the UI)")
    sys.stdout.flush()
    command = [
        sys.executable, "-m", "dagster", "dev", "-m", "batch_ai_assets.definitions",
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    os.execve(sys.executable, command, here.child_environment())  # noqa: S606 - our own interpreter
