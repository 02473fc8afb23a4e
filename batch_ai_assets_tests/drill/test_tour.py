"""The README is walked through: every command in its blocks, in order, in an empty home.

A shell stands in for the reader. What the reader does between two commands (editing a file, reading
an id off the screen) is done here, and nothing else.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..docs.pages import Block, blocks, commands
from .dagster_ui import REPOSITORY, dagster_dev

JOB = "mail_topics"
KEY = "a key for the tour"
LETTERS = {
    **{f"p{n:02}.txt": f"Where is parcel {n}? It has been on its way for days." for n in range(20)},
    "away1.txt": "[[stub:503,503,503,ok]] I cannot sign in since Tuesday.",
    "away2.txt": "[[stub:503,503,503,ok]] The kettle leaks at its lid.",
    "spam.txt": "[[stub:refusal]] Buy two, pay for one.",
}
SHELL = ". ./.shell 2>/dev/null; {line}\ncode=$?; export -p > ./.shell; exit $code"
"""What one command sets for the next is kept, as in one terminal."""
AS_IT_IS = 'make() { command make -o .venv/.installed "$@"; }; '
"""The packages are there already: a test installs none."""


@dataclass
class Reader:
    """Somebody at a terminal in a fresh checkout."""

    checkout: Path
    user: Path
    model: LocalProvider

    def types(self, line: str, seconds: float = 300) -> str:
        """One command; fails unless it ends with 0. What it printed."""
        done = subprocess.run(
            ["bash", "-c", SHELL.format(line=AS_IT_IS + line)],
            cwd=self.checkout, env=self._environment(), text=True, capture_output=True,
            timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.user), "PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY),
            "DAGSTER_DISABLE_TELEMETRY": "yes", "HOUSE_VLLM_KEY": KEY, "LANG": "C.UTF-8",
            "COLUMNS": "200", "USER": "reader",
        }  # fmt: skip

    @property
    def home(self) -> Path:
        return self.checkout / ".batch-ai"

    @property
    def registry(self) -> Path:
        return self.user / "batch-ai-jobs"

    def edits(self, **parts: Any) -> None:
        """Top-level parts of job.yaml, replaced."""
        file = self.registry / JOB / "job.yaml"
        spec = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**spec, **parts}, sort_keys=False))

    def takes_the_provider(self, page: Block, use: Block) -> None:
        """The hosted model of the README, at the address of the model that there is here."""
        text = page.text.replace("https://models.example.com/v1", self.model.base_url)
        (self.registry / "providers.yaml").write_text(text.replace("mistral-small", "stub"))
        self.edits(**yaml.safe_load(use.text.replace("mistral-small", "stub")))

    def is_hard_to_please(self) -> None:
        """So that some answers wait for a person."""
        spec = yaml.safe_load((self.registry / JOB / "job.yaml").read_text())
        self.edits(output={**spec["output"], "review_below": 0.99})

    def reads_an_id(self, command: str) -> str:
        """An id of a document off the screen: a dead one, or one in review without a decision."""
        if command.startswith("batch-ai dlq"):
            shown = self.types(f"batch-ai dlq list {JOB} monday")
            found = [line.split() for line in shown.splitlines() if line.split()[-1:] == ["open"]]
            return next(words[2] for words in found)
        shown = self.types(f"batch-ai review list {JOB} monday")
        return next(
            line.split()[0]
            for line in shown.splitlines()
            if "low_confidence" in line and " by cli:" not in line
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("tour")
    checkout, user = folder / "checkout", folder / "user"
    checkout.mkdir()
    for path in REPOSITORY.iterdir():
        if path.name not in (".batch-ai", ".env", ".git"):
            (checkout / path.name).symlink_to(path)
    (user / "letters").mkdir(parents=True)
    for name, text in LETTERS.items():
        (user / "letters" / name).write_text(f"[[id:{name}]] {text}")
    with LocalProvider(ServerOptions(model="stub", api_key=KEY)) as model:
        yield Reader(checkout, user, model)


SAYS = {
    "make demo": ("0 dead", "accuracy  odd: "),
    "batch-ai validate mail_topics": ("1 sound, 0 broken",),
    "batch-ai estimate": (f"{len(LETTERS)} documents = {len(LETTERS)} ask", "budget"),
    "batch-ai checks": ("dead_letter_rate      ERROR", "protects", "found", "bar", "do "),
    "batch-ai dlq list mail_topics --given-up": ("spam.txt", "no message, but an advert"),
    "batch-ai dlq list": ("http_503", "refusal"),
    "batch-ai dlq replay": ("2 documents will be asked about again.", " v2: ", " 1 dead "),
    "batch-ai dlq discard": ("1 document given up.",),
    "batch-ai dlq export": ("letters.jsonl holds 1 dead letters.",),
    "batch-ai sql": ("count_star()",),
    "batch-ai status mail_topics": ("next: ", f"{JOB}/monday  v3  completed "),
}
"""What the README says of a command, where a test can tell."""


@pytest.mark.timeout(900)
def test_the_readme_works_as_it_is_typed(reader: Reader) -> None:
    offer, use = [one for one in blocks("README.md", "yaml") if "mistral-small" in one.text]
    [daily] = [one for one in blocks("README.md", "yaml") if "cadence" in one.text]
    [snippet] = blocks("README.md", "python")
    for block in blocks("README.md", "sh"):
        for line in commands(block):
            if line == "make dev":  # it runs until Ctrl-C, on a fixed port: the next test
                continue
            if "ITEM" in line.split():
                line = line.replace("ITEM", reader.reads_an_id(line))
            said = reader.types(line)
            print(f"$ {line}\n{said}")
            expected = next((words for start, words in SAYS.items() if line.startswith(start)), ())
            assert [words for words in expected if words not in said] == [], f"{line}\n{said}"
            if line.startswith("batch-ai new-job"):
                reader.takes_the_provider(offer, use)
                reader.is_hard_to_please()
            if line.startswith("batch-ai sql"):
                (reader.user / "snippet.py").write_text(f"{snippet.text}print(len(frame), 'rows')")
                assert re.search(r"^\d+ rows$", reader.types("python ~/snippet.py"), re.MULTILINE)
                reader.edits(**yaml.safe_load(daily.text))


@pytest.mark.timeout(300)
def test_the_ui_shows_what_was_typed(reader: Reader) -> None:
    """`make dev` at its end, but for the port: another one may be in use here."""
    recipe = reader.types("make -n dev")
    assert recipe.split() == [".venv/bin/batch-ai", "ui"]
    with dagster_dev(reader.home, reader.registry, HOUSE_VLLM_KEY=KEY) as ui:
        assert ui.base in ui.log.read_text()
        assert [run["status"] for run in ui.runs(JOB)] == ["SUCCESS"] * 3
        assert ui.materialization(JOB, "results", "monday")["metadata"]["valid"] > 0
