"""`batch-ai validate`, `new-job` and `job-schema`: what a user types, reads and can act upon."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batch_ai_assets.cli import main
from batch_ai_assets.local_provider.faults import KINDS
from batch_ai_assets.settings import settings


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty registry of the user's own, and a home of its own."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("BATCH_AI_REGISTRY", str(folder))
    monkeypatch.setenv("BATCH_AI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def batch_ai(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _break(registry: Path, name: str, old: str, new: str) -> None:
    path = registry / name / "job.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_job_validates_at_once_and_has_an_inbox(registry: Path, tmp_path: Path) -> None:
    made = batch_ai("new-job", "letters")
    assert made.exit_code == 0
    inbox = tmp_path / "home" / "inbox" / "letters"
    assert inbox.is_dir()
    assert str(inbox) in made.output
    assert "batch-ai run letters" in made.output
    checked = batch_ai("validate", "letters")
    assert checked.exit_code == 0
    assert "ok       letters: local/minilm-classifier, manual" in checked.output
    assert "1 sound, 0 broken." in checked.output


def test_an_empty_registry_says_how_to_begin(registry: Path) -> None:
    result = batch_ai("validate")
    assert result.exit_code == 0
    assert "batch-ai new-job NAME" in result.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("purpose:", "purpse:", "purpse: this key is not known. Did you mean 'purpose'?"),
        ("limit_tokens: 5000000", "limit_tokens: lots", 'budget.limit_tokens: "lots"'),
        ("limit_tokens: 5000000", "limit_usd: 3", "budget: 'minilm-classifier' is free"),
        ("file: prompt.md", "file: prompts.md", "prompts.md: there is no such file"),
        ("length(topic) > 0", "length(topic >", "rules[0].sql: 'topic_is_filled' is not valid"),
        ("taxonomy:  ", "taxonomy: [", "this is not YAML"),
        ("{home}", "{hom}", "{hom} is not known. Did you mean 'home'?"),
    ],
)
def test_a_broken_job_is_explained_without_a_traceback(
    registry: Path, old: str, new: str, said: str
) -> None:
    batch_ai("new-job", "letters")
    batch_ai("new-job", "sound")
    _break(registry, "letters", old, new)
    result = batch_ai("validate")
    assert result.exit_code == 1
    assert said in result.output
    assert str(registry / "letters" / "job.yaml") in result.output
    assert "ok       sound" in result.output
    assert "1 sound, 1 broken." in result.output
    assert "Traceback" not in result.output


def test_only_the_named_jobs_count(registry: Path) -> None:
    batch_ai("new-job", "letters")
    batch_ai("new-job", "sound")
    _break(registry, "letters", "purpose:", "purpse:")
    assert batch_ai("validate", "sound").exit_code == 0
    assert batch_ai("validate", "sound", "letters").exit_code == 1


def test_a_broken_providers_file_fails_the_validation(registry: Path) -> None:
    (registry / "providers.yaml").write_text("near: {base_url: http://example.com}\n")
    result = batch_ai("validate")
    assert result.exit_code == 1
    assert "broken   providers.yaml" in result.output
    assert "use https" in result.output


def test_a_job_of_a_broken_provider_is_told_what_is_wrong_with_it(registry: Path) -> None:
    batch_ai("new-job", "letters")
    (registry / "providers.yaml").write_text("local: {base_url: http://example.com}\n")

    checked, run = batch_ai("validate", "letters"), batch_ai("run", "letters")

    for result in (checked, run):
        assert result.exit_code == 1
        assert "the entry of provider 'local' is broken" in result.output
        assert "use https" in result.output


def test_the_local_provider_lists_the_faults_that_it_knows() -> None:
    shown = batch_ai("local-provider", "--help").output

    assert set(shown.split()) >= KINDS
    assert "/stats?items=false" in shown


def test_an_unknown_job_is_answered_with_a_guess(registry: Path) -> None:
    batch_ai("new-job", "letters")
    result = batch_ai("validate", "leters")
    assert result.exit_code == 1
    assert "Did you mean 'letters'?" in result.output


def test_a_missing_registry_is_answered_with_the_setting(registry: Path) -> None:
    registry.rmdir()
    result = batch_ai("validate")
    assert result.exit_code == 1
    assert "Set BATCH_AI_REGISTRY" in result.output


def test_a_second_job_of_the_name_is_refused(registry: Path) -> None:
    batch_ai("new-job", "letters")
    result = batch_ai("new-job", "letters")
    assert result.exit_code == 1
    assert "is there already; nothing was changed" in result.output


def test_the_schema_goes_to_the_terminal_or_to_a_file(registry: Path, tmp_path: Path) -> None:
    printed = batch_ai("job-schema").output
    assert json.loads(printed)["title"] == "Batch AI job"
    assert batch_ai("job-schema", "--output", str(tmp_path / "s.json")).exit_code == 0
    assert (tmp_path / "s.json").read_text() == printed
    nowhere = batch_ai("job-schema", "--output", str(tmp_path / "no" / "s.json"))
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.output


def test_the_command_line_answers_without_loading_what_it_does_not_need() -> None:
    code = (
        "import sys, batch_ai_assets.cli;"
        "print(*[name for name in ('pydantic', 'duckdb', 'dagster', 'yaml', 'rich', 'sqlalchemy')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_it_runs_as_a_program(registry: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "batch_ai_assets.cli", "validate", "nope"],
        capture_output=True,
        text=True,
        env={**os.environ},
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"There is no job 'nope' in .*registry", done.stderr)
    assert "Traceback" not in done.stderr
