"""`batch-ai drill`: every drill is carried out, and every fact that it reads holds to its bar."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from batch_ai_assets.drills.catalogue import DRILLS

from .dagster_ui import REPOSITORY, until

PROGRAM = [sys.executable, "-m", "batch_ai_assets.cli", "drill"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", DRILLS)
def test_every_fact_of_the_drill_holds(name: str) -> None:
    done = subprocess.run(
        [*PROGRAM, name, "--json"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    print(json.dumps(report, indent=1))
    assert [fact for fact in report["facts"] if not fact["holds"]] == []
    assert (report["drill"], report["holds"], done.returncode) == (name, True, 0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
def test_a_drill_that_is_stopped_leaves_no_process_and_no_file(
    number: int, tmp_path: Path
) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    drill = subprocess.Popen(
        [*PROGRAM, "double-trigger"], cwd=REPOSITORY, env=environment, start_new_session=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        # The provider and two runs.
        family = until(lambda: found if len(found := _children(drill.pid)) >= 3 else None,
                       "the drill to start its processes", 60)  # fmt: skip
        drill.send_signal(number)
        drill.wait(30)
        gone = until(lambda: True if not any(map(psutil.Process.is_running, family)) else None,
                     "its processes to end", 15)  # fmt: skip
    finally:
        drill.kill()
        drill.wait()
    assert gone
    assert list(tmp_path.glob("batch-ai-drill-*")) == []


def test_a_drill_touches_no_home_but_its_own(tmp_path: Path) -> None:
    home = tmp_path / "mine"
    environment = {
        **os.environ,
        "BATCH_AI_HOME": str(home),
        "BATCH_AI_STATE_URL": f"sqlite:///{tmp_path}/mine.sqlite",
        "BATCH_AI_ALERT_URLS": "json://127.0.0.1:9/",
    }
    began = time.time()
    done = subprocess.run(
        [*PROGRAM, "systematic-failure", "--json"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout)["seconds"] < time.time() - began
    assert list(tmp_path.iterdir()) == []


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)
