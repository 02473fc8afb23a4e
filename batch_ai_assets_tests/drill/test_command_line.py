"""The command line beside a running UI: one home, one daemon, the same runs."""

from __future__ import annotations

import os
import subprocess
import sys

from .dagster_ui import LOCATION, REPOSITORY, Ui


def batch_ai(ui: Ui, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line on the home and the registry of the UI."""
    registry = ui.home.parent / "registry"
    places = {"BATCH_AI_HOME": str(ui.home), "BATCH_AI_REGISTRY": str(registry)}
    return subprocess.run(
        [sys.executable, "-m", "batch_ai_assets.cli", *words],
        cwd=REPOSITORY, env={**os.environ, **places}, text=True, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_a_run_from_the_command_line_is_listed_under_its_job_and_on_the_timeline(ui: Ui) -> None:
    done = batch_ai(ui, "run", "typed", "--batch", "by-hand")

    assert done.returncode == 0, done.stderr
    runs = ui.ask(
        """query($where: PipelineSelector!) { pipelineOrError(params: $where) { ... on Pipeline {
          runs { status tags { key value } repositoryOrigin { repositoryLocationName } } } } }""",
        where={**LOCATION, "pipelineName": "typed"},
    )["pipelineOrError"]["runs"]
    typed = [run for run in runs if {"key": "dagster/partition", "value": "by-hand"} in run["tags"]]
    assert [run["status"] for run in typed] == ["SUCCESS"]
    # The timeline takes what has an origin, and leaves out what has none.
    assert typed[0]["repositoryOrigin"] == {
        "repositoryLocationName": LOCATION["repositoryLocationName"]
    }


def test_a_second_ui_on_the_home_prints_the_page_of_the_first_and_starts_nothing(ui: Ui) -> None:
    done = batch_ai(ui, "ui", "--port", "1")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Open {ui.base}/\n")
    assert "no second one was started" in done.stdout
