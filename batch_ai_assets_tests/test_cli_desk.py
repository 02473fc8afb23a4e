"""Dead letters and reviews on the command line: odd ids, damaged payloads, narrow terminals."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch_ai_assets.commands import columns
from batch_ai_assets.commands.program import command, ids
from batch_ai_assets.commands.streams import output
from batch_ai_assets.commands.written_answer import changes_of
from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.settings import settings

from .engine.world import make_job, world
from .jobs import job_file, registry_of, write_documents
from .running import batch_ai

REFUSED = "[[stub:refusal]] Tell me."
ODD = "red \x1b[31m\nid"
TEXTS = {
    "first": "Where is card 1?", "second": "Where is card 2?", "--all": REFUSED + "1",
    ODD: REFUSED + "2", "plain": REFUSED + "3",
}  # fmt: skip
UNSURE = {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 1.0}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, stub_model: LocalProvider) -> Path:
    """A folder with a registry and a home: one batch with two reviews and three dead letters."""
    folder = tmp_path_factory.mktemp("desk")
    mail = job_file(output={**job_file()["output"], **UNSURE})
    registry = registry_of(folder / "registry", mail, base_url=stub_model.base_url)
    write_documents(folder / "home", "mail", TEXTS)
    with world(folder / "home", stub_model.base_url) as here:
        run_batch(registry.job("mail"), "monday", Run("run-1", "test"), here.deps)
        counts = here.deps.store.figures("mail", "monday").conservation
        assert (counts.review, counts.dead) == (2, 3)
    return folder


@pytest.fixture
def desk(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The home of a copy of it, to decide on."""
    monkeypatch.setenv("BATCH_AI_REGISTRY", str(finished / "registry"))
    monkeypatch.setenv("BATCH_AI_HOME", str(shutil.copytree(finished / "home", tmp_path / "home")))
    settings.cache_clear()
    yield settings().home
    settings.cache_clear()


def damage(home: Path, table: str, column: str, where: str) -> None:
    with closing(sqlite3.connect(home / "state/state.sqlite")) as store:
        store.execute(f"UPDATE {table} SET {column} = x'00' WHERE {where}")
        store.commit()


def said(*words: str, code: int = 0) -> str:
    result = batch_ai(*words)
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.usefixtures("desk")
def test_an_id_of_whatever_letters_moves_no_cursor_and_is_no_option() -> None:
    listed = said("dlq", "list", "mail", "monday")
    assert [line for line in listed.splitlines() if line != line.rstrip()] == []
    shown = said("dlq", "show", "mail", "monday", ODD)
    assert "\x1b" not in listed + shown
    assert "red \\x1b[31m\\nid" in listed
    assert "$'red \\x1b[31m\\nid'" in shown, "as the shell reads it"

    assert "--root-cause TEXT -- --all" in said("dlq", "show", "mail", "monday", "--", "--all")
    one = said("dlq", "discard", "mail", "monday", "--why", "x", "--", "--all")
    assert "1 document given up." in one
    assert "2 documents given up. 1 document was decided already" in said(
        "dlq", "discard", "mail", "monday", "--why", "x", "--all"
    )


@pytest.mark.usefixtures("desk")
def test_reasons_may_be_repeated_and_what_excludes_each_other_is_refused() -> None:
    replay = ("dlq", "replay", "mail", "monday", "--later", "--root-cause", "x")
    wrong = said(*replay, "--reason", "refusal", "--reason", "timeout", code=1)
    assert "Nothing of mail/monday is a dead letter for 'timeout'. Nothing was recorded." in wrong
    assert "exclude each other" in said(*replay, "--all", "--reason", "refusal", code=2)
    assert "Say which documents" in said(*replay, code=2)
    assert "3 documents will be asked" in said(*replay, *("--reason", "refusal") * 2)


@pytest.mark.usefixtures("desk")
def test_status_says_how_many_decisions_wait_for_the_next_version() -> None:
    assert "for the next version" not in said("status")
    said("dlq", "discard", "mail", "monday", "plain", "--why", "x")
    one = said("status", "mail")
    assert "1 decision waits for the next version: batch-ai run mail --batch monday" in one
    said("review", "accept", "mail", "monday", "--all")
    said("dlq", "discard", "mail", "monday", "plain", "--why", "decided anew")
    assert "3 decisions wait for the next version" in said("status")


def test_ids_are_behind_a_double_dash_where_they_must_be() -> None:
    assert command("x", *ids("a", "-b")) == "batch-ai x -- a -b"
    assert command("x", *ids("a")) == "batch-ai x a"
    assert command("it's\x07") == "batch-ai $'it\\'s\\x07'"


@pytest.mark.usefixtures("desk")
def test_what_nobody_has_heard_of_is_no_success() -> None:
    assert "There is no job 'nosuch'" in said("dlq", "list", "nosuch", code=2)
    for words in (("dlq", "list"), ("review", "list"), ("dlq", "export")):
        assert "There is no batch mail/nosuch" in said(*words, "mail", "nosuch", code=1)
    said("dlq", "list", "mail", "--limit", "-1", code=2)
    said("review", "list", "mail", "monday", "--limit", "-1", code=2)


@pytest.mark.usefixtures("desk")
def test_what_was_given_up_is_shown_with_who_and_why() -> None:
    assert "Nothing of mail is given up." in said("dlq", "list", "mail", "--given-up")
    discard = ("dlq", "discard", "mail", "monday", "plain", "--why", "an advertisement")
    assert "say who decides" in said(*discard, "--by", " ", code=2)
    said(*discard, "--by", "ada")
    said("review", "reject", "mail", "monday", "first", "--why", "made up")
    listed = said("dlq", "list", "mail", "--given-up")
    assert "cli:ada" in listed
    assert "an advertisement" in listed
    assert "made up" in listed
    for words in (("dlq", "show"), ("review", "show")):
        shown = said(*words, "mail", "monday", "first")
        assert "reject by cli:" in shown
        assert "made up" in shown


def test_an_export_is_whole_and_private_and_a_damaged_letter_stops_no_other(
    desk: Path, tmp_path: Path
) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text("of last week\n")
    words = ("dlq", "export", "mail", "monday", "--payload", "--output")
    assert "cannot be written" in said(*words, str(tmp_path / "nowhere/x"), code=1)
    said(*words, str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().splitlines()) == 3
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []

    damage(desk, "dead_letters", "sealed_payload", "item_id = 'plain'")
    result = batch_ai(*words, "-")
    assert result.exit_code == 1
    assert "Payloads that do not open: plain." in result.stderr
    found = {one["item_id"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert found["--all"]["document"] == TEXTS["--all"]
    assert found["plain"]["document"] is None
    assert "does not open" in found["plain"]["trouble"]
    one = said("dlq", "show", "mail", "monday", "plain", "--payload", code=1)
    assert "The document of 'plain' does not open." in one


def test_a_damaged_answer_is_named_and_the_others_are_worked(desk: Path) -> None:
    damage(desk, "answers", "sealed", "answer_id = (SELECT answer_id FROM checkpoints JOIN items "
           "USING (plan_id, seq) WHERE item_id = 'first')")  # fmt: skip
    assert "(damaged: it does not open)" in said("review", "list", "mail", "monday")
    assert "The stored answer for 'first' does not open." in said(
        "review", "show", "mail", "monday", "first"
    )
    correct = ("review", "correct", "mail", "monday", "--why", "x", "--set", "topic=other")
    assert "Write the whole answer" in said(*correct, "first", code=1)
    said(*correct, "second")


def test_a_list_that_is_wider_than_the_terminal_is_shown_answer_by_answer(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said("review", "correct", "mail", "monday", "second", "--set", "topic=other", "--why", "x")
    console = output()
    console.width = 30
    monkeypatch.setattr(columns, "output", lambda: console)
    lines = said("review", "list", "mail", "monday").splitlines()
    assert "second" in lines
    assert "  answer: topic=other" in lines
    assert any(line.startswith("  decided: correct by cli:") for line in lines)


def test_what_is_set_is_text_where_the_field_is_text(tmp_path: Path) -> None:
    properties = {"code": {"type": ["string", "null"]}, "count": {"type": "integer"}}
    job = make_job(tmp_path, {"output": {"schema": {"properties": properties}}})
    changes = ["code=123", "count=4", "topic=card", 'topic="x"', "code=true"]
    assert changes_of(changes[:3], job) == {"code": "123", "count": 4, "topic": "card"}
    assert changes_of(changes[3:], job) == {"topic": "x", "code": "true"}
    assert changes_of(["code=null", "topic=a=b"], job) == {"code": None, "topic": "a=b"}


@pytest.mark.usefixtures("desk")
def test_bytes_that_are_no_text_are_refused_in_words() -> None:
    wrong = said("review", "correct", "mail", "monday", "first", "--why", "x\udcff", code=2)
    assert "is not UTF-8 text" in wrong


def test_a_full_disk_is_said_in_words() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "batch_ai_assets.cli", "job-schema"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Error: The output cannot be written: No space left on device.\n"
