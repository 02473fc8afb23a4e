from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.commands.dagster_run import instance
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .jobs import job_file, write_documents, write_registry
from .running import letters

REPOSITORY = Path(__file__).resolve().parents[1]
Popen = Callable[[], "subprocess.Popen[str]"]


@contextmanager
def slow_platform(
    home: Path, folder: Path, latency_ms: int = 200
) -> Iterator[tuple[LocalProvider, Popen]]:
    """A model that takes its time, and a way to start `batch-ai run` in a process of its own."""
    with LocalProvider(ServerOptions(model="stub", latency_ms=latency_ms)) as slow:
        registry = write_registry(
            folder, job_file(limits={"concurrency": 4}), base_url=slow.base_url
        )
        write_documents(home, "mail", letters(60))
        command = [sys.executable, "-m", "batch_ai_assets.cli", "run", "mail", "--batch", "monday"]
        environment = {**os.environ, "BATCH_AI_REGISTRY": str(registry)}

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, text=True, start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_as_in_a_terminal,
            )  # fmt: skip

        yield slow, start


def test_ctrl_c_drains_ends_with_130_and_the_next_run_pays_nothing_twice(
    home: Path, tmp_path: Path
) -> None:
    with slow_platform(home, tmp_path / "registry") as (slow, start):
        first = start()
        _wait_for_answers(slow, first, 12)

        out, err = _press_ctrl_c(first)

        assert first.returncode == 130, out + err
        assert "60 items = " in out.splitlines()[0]
        assert "Stopping: nothing more is sent" in err
        second = start()
        assert second.wait(120) == 0, second.communicate()
        counts = {name: item["answers"] for name, item in slow.stats()["items"].items()}
    assert len(counts) == 60
    assert set(counts.values()) == {1}
    with instance() as ours:
        statuses = [run.status for run in ours.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED]


@pytest.mark.drill
def test_a_run_that_waits_for_another_says_so_and_can_be_stopped(
    home: Path, tmp_path: Path
) -> None:
    # Slow enough for the second to be up while the first is at work, on a busy machine as well.
    with slow_platform(home, tmp_path / "registry", latency_ms=2000) as (slow, start):
        first = start()
        _wait_for_answers(slow, first, 4)
        second = start()
        assert second.stderr is not None
        said = second.stderr.readline()

        out, err = _press_ctrl_c(second)

        first.kill()
        first.communicate(timeout=60)
    assert said.startswith("Another run works on mail/monday (cli:")
    assert second.returncode == 130, out + err
    assert "Batch mail/monday was told to stop." in out
    with instance() as ours:
        newest = ours.get_runs(limit=1)[0]
    assert newest.status == dg.DagsterRunStatus.CANCELED
    assert newest.tags["batch_ai/state"] == "interrupted"


def test_ctrl_c_before_the_run_has_begun_is_one_plain_sentence(home: Path, tmp_path: Path) -> None:
    with slow_platform(home, tmp_path / "registry") as (_, start):
        early = start()
        _wait_until_it_imports(early.pid)

        out, err = _press_ctrl_c(early)

    assert (early.returncode, out) == (130, "")
    assert err == "Stopped by Ctrl-C.\n"


@pytest.mark.drill
def test_a_command_line_that_was_killed_leaves_no_run_that_seems_to_live(
    home: Path, tmp_path: Path
) -> None:
    with slow_platform(home, tmp_path / "registry") as (slow, start):
        first = start()
        _wait_for_answers(slow, first, 12)

        first.kill()
        first.communicate(timeout=60)
        second = start()

        assert second.wait(180) == 0, second.communicate()
        answers = sum(item["answers"] for item in slow.stats()["items"].values())
    assert answers <= 60 + 4 + 20  # in flight, and one second of calls between two commits
    with instance() as ours:
        statuses = [run.status for run in ours.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def _as_in_a_terminal() -> None:
    """Whoever starts the tests in the background has Ctrl-C ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _press_ctrl_c(process: subprocess.Popen[str]) -> tuple[str, str]:
    """As a terminal does it: every process in the foreground gets the signal."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    for unwanted in ("Traceback", "dagster._core", "mail__"):
        assert unwanted not in out + err
    return out, err


def _wait_until_it_imports(pid: int) -> None:
    """Until Dagster is being loaded: long after the command began, long before the run does."""
    deadline = time.monotonic() + 30
    while "dagster" not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _wait_for_answers(model: LocalProvider, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 60
    while model.stats()["answers"] < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(0.05)
