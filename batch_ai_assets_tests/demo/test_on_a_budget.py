"""The second act of the demo: a job that loads, and commands that there are."""

from __future__ import annotations

from pathlib import Path

import click

from batch_ai_assets.cli import main
from batch_ai_assets.commands.demo import _acts
from batch_ai_assets.demo.on_a_budget import JOB, prepare
from batch_ai_assets.engine.spec.registry import load_registry


def test_the_job_on_a_budget_loads_wherever_the_documents_lie(tmp_path: Path) -> None:
    place = prepare(tmp_path / "demo", tmp_path / "a folder: with marks")
    job = load_registry(place.registry).job(JOB)
    assert job.spec.budget.before_start == "approve"
    assert job.spec.input.path == str(tmp_path / "a folder: with marks")


def test_every_command_of_the_demo_is_one_that_there_is() -> None:
    for said, (name, *words) in _acts("run-1"):
        assert said.endswith((".", "asked."))
        command = main.commands[name]
        assert isinstance(command, click.Command)
        command.make_context(name, list(words))
