"""Batches in processes of their own, at the same time, on one home and one provider.

The processes are forked from one that has everything loaded, so that a run of four takes little
longer than a run of one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from batch_ai_assets.engine.batch import Run, run_batch

from ..crash import nursery
from ..world import world

_PATIENCE_SECONDS = 120.0


def run_together(
    home: Path, base_url: str, jobs: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """batch → the state it ended in, all of them run at once; `jobs`: each batch's spec."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([nursery.__name__])
    running = {}
    for batch, spec in jobs.items():
        ours, theirs = forked.Pipe(duplex=False)
        process = forked.Process(target=_run, args=(home, base_url, batch, spec, theirs))
        process.start()
        theirs.close()
        running[batch] = (process, ours)
    ended: dict[str, str] = {}
    for batch, (process, said) in running.items():
        ended[batch] = said.recv() if said.poll(_PATIENCE_SECONDS) else "no word"
        process.join(_PATIENCE_SECONDS)
        if process.exitcode != 0:
            process.kill()
            ended[batch] += f", exit code {process.exitcode}"
    return ended


def _run(
    home: Path, base_url: str, batch: str, spec: Mapping[str, Any], said: Connection
) -> None:
    with world(home, base_url, spec) as here:
        outcome = run_batch(here.job, batch, Run(f"run-{batch}", "test"), here.deps)
        said.send(outcome.state.value)
