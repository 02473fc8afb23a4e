from __future__ import annotations

import sys
from pathlib import Path

import pytest

from batch_ai_assets.commands.program import command


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A `batch-ai` that can be called by its path."""
    path = tmp_path / "bin" / "batch-ai"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_program_that_the_shell_finds_is_called_by_its_name(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(sys, "argv", [str(program)])

    assert command("ui", "mail") == "batch-ai ui mail"


def test_a_program_that_is_not_on_the_path_is_called_as_it_was(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(program)])

    assert command("ui", "mail") == f"{program} ui mail"


def test_a_module_that_was_run_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/batch_ai_assets/cli.py"])

    assert command("ui") == f"{sys.executable} -m batch_ai_assets.cli ui"


def test_words_and_settings_are_quoted_for_the_shell() -> None:
    assert command("run", "two words", HOME="/a b") == "HOME='/a b' batch-ai run 'two words'"
