"""`batch-ai checks`: the same that the Checks tab shows, for a terminal."""

from __future__ import annotations

from collections.abc import Callable

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]


def test_every_check_says_what_it_protects_what_was_found_and_what_to_do(platform: Make) -> None:
    here = platform(job_file())
    for number, (batch, dead) in enumerate((("monday", 0), ("tuesday", 2))):
        write_documents(here.home, "mail", {**letters(3, 10 * number), **refused(dead)})
        assert batch_ai("run", "mail", "--batch", batch).exit_code == 0

    said = batch_ai("checks", "mail")
    assert said.exit_code == 0
    lines = said.output.splitlines()
    assert lines[0] == "mail/tuesday version 1: completed_with_dead_letters"
    start = next(n for n, line in enumerate(lines) if line.startswith("dead_letter_rate"))
    assert lines[start].split() == ["dead_letter_rate", "ERROR"]
    told = {line.split()[0]: line for line in lines[start + 1 : start + 6]}
    assert set(told) == {"protects", "found", "bar", "trend", "do"}
    assert "2 of 5 finished documents are dead letters" in told["found"]
    assert "▁█  failed in 1 of the last 2 batches" in told["trend"]
    for name in ("completeness", "schema", "rules", "lineage", "input_size"):
        assert any(line.startswith(name) for line in lines), name

    assert batch_ai("checks").output == said.output, "the newest batch of every job"
    monday = batch_ai("checks", "mail", "monday").output
    assert monday.startswith("mail/monday version 1: completed\n")


def test_a_batch_that_is_not_there_is_named(platform: Make) -> None:
    platform(job_file())
    assert "There is no record of any job yet" in batch_ai("checks").output
    missing = batch_ai("checks", "mail", "friday")
    assert missing.exit_code == 1
    assert "There is no record of mail/friday yet" in missing.output
    assert batch_ai("checks", "post").exit_code == 2
