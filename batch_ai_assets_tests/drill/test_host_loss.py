"""Worker, code server, webserver and daemon killed together, in the middle of a batch."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from ..jobs import job_file, write_documents, write_registry
from .conftest import CONCURRENCY, SLOW
from .dagster_ui import Ui, dagster_dev, until

DOCUMENTS = 300
BAR_SECONDS = 120.0
"""From the moment at which the UI is back to the first answer of the batch's next run."""


def kill_everything(ui: Ui) -> int:
    """Every process of the UI's session with -9, workers included; how many there were."""
    killed = 0
    for place in Path("/proc").iterdir():
        if place.name.isdecimal() and _session(int(place.name)) == ui.process.pid:
            with suppress(ProcessLookupError):
                os.kill(int(place.name), signal.SIGKILL)
                killed += 1
    ui.process.wait(10)
    return killed


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


@pytest.mark.timeout(420)
def test_a_batch_whose_whole_host_died_goes_on_within_two_minutes_by_itself(
    tmp_path: Path, slow_model: LocalProvider
) -> None:
    job, home = "lost_host", tmp_path / "home"
    registry = write_registry(
        tmp_path / "registry", job_file(job, **SLOW), slow=slow_model.base_url
    )
    names = {f"{job}{n}": f"[[id:{job}{n}]] My letter {n}." for n in range(DOCUMENTS)}
    write_documents(home, job, names)

    def answered() -> dict[str, int]:
        items = slow_model.stats()["items"]
        return {name: items[name]["answers"] for name in names if name in items}

    with dagster_dev(home, registry) as ui:
        ui.add_batch(job, "b1")
        first = ui.launch(job, "b1")
        until(lambda: True if len(answered()) >= 40 else None, "some answers", 120)
        killed = kill_everything(ui)
    before = len(answered())
    assert killed >= 4
    assert before < DOCUMENTS

    with dagster_dev(home, registry) as ui:
        back = time.monotonic()
        until(lambda: True if len(answered()) > before else None, "the batch to go on", 180)
        seconds = time.monotonic() - back
        print(f"{killed} processes killed; the batch went on {seconds:.0f} s after the UI was back")
        runs = until(
            lambda: found if len(found := ui.runs(job)) > 1 else None, "the next run", 30
        )
        assert ui.finished(runs[0]["runId"])["status"] == "SUCCESS"
        assert ui.run(first)["status"] == "FAILURE"
        assert len(ui.runs(job)) == 2, "one run went on, and not two"

    assert seconds <= BAR_SECONDS
    assert len(answered()) == DOCUMENTS
    twice = sum(count - 1 for count in answered().values())
    assert twice <= CONCURRENCY + 2, "in flight, and one commit interval"
