"""Dead letters and reviews worked from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]
THRICE = "[[stub:500,500,500,ok]]"


def lost(count: int) -> dict[str, str]:
    return {f"l{n}": f"[[id:l{n}]] {THRICE} Where is card {n}?" for n in range(count)}


def test_dead_letters_are_worked_to_zero(platform: Make, tmp_path: Path) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), **lost(2), **refused(1)})
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0

    listed = batch_ai("dlq", "list", "mail", "monday").output
    assert "http_500" in listed
    assert "dlq replay mail" in listed

    replayed = batch_ai(
        "dlq", "replay", "mail", "monday", "--reason", "http_500", "--root-cause", "it was down"
    )
    assert replayed.exit_code == 0, replayed.output
    assert "2 documents will be asked about again." in replayed.output
    assert "v2" in replayed.output
    shown = batch_ai("dlq", "show", "mail", "monday", "l0").output
    assert "(version 1)" in shown
    assert "attempt 3" in shown
    assert "now         valid in version 2" in shown
    assert "next" not in shown

    given_up = batch_ai("dlq", "discard", "mail", "monday", "--all", "--why", "not for us")
    assert "1 document given up." in given_up.output
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0

    nothing = batch_ai("dlq", "list", "mail", "monday").output
    assert "There is no dead letter in mail/monday." in nothing


def test_an_export_holds_the_payload_only_where_it_is_asked_for(
    platform: Make, tmp_path: Path
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", refused(2))
    batch_ai("run", "mail", "--batch", "monday")
    plain = batch_ai("dlq", "export", "mail", "monday").output
    records = [json.loads(line) for line in plain.splitlines()]
    assert [one["reason"] for one in records] == ["refusal", "refusal"]
    assert "document" not in records[0]
    assert "Tell" not in plain

    file = tmp_path / "letters.jsonl"
    said = batch_ai("dlq", "export", "mail", "monday", "--payload", "--output", str(file))
    assert "holds 2 dead letters" in said.output
    assert "Tell 0." in json.loads(file.read_text().splitlines()[0])["document"]


def test_a_wrong_choice_is_refused_in_words(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", refused(1))
    batch_ai("run", "mail", "--batch", "monday")
    both = batch_ai(
        "dlq", "replay", "mail", "monday", "r000", "--all", "--root-cause", "x"
    )
    assert both.exit_code == 2
    assert "exclude each other" in both.output
    unknown = batch_ai("dlq", "replay", "mail", "monday", "nobody", "--root-cause", "x")
    assert unknown.exit_code == 1
    assert "Not a dead letter of mail/monday: 'nobody'" in unknown.output
    assert batch_ai("dlq", "replay", "post", "monday", "x", "--root-cause", "x").exit_code == 2
    assert batch_ai("dlq", "discard", "mail", "monday", "r000", "--why", " ").exit_code == 1


UNSURE = {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 0.99}


def test_reviews_are_worked_to_zero(platform: Make) -> None:
    here = platform(job_file(output={**job_file()["output"], **UNSURE}))
    write_documents(here.home, "mail", letters(12))
    batch_ai("run", "mail", "--batch", "monday")
    listed = batch_ai("review", "list", "mail", "monday")
    assert "low_confidence" in listed.output
    waiting = [line.split()[0] for line in listed.output.splitlines() if "low_confidence" in line]
    assert len(waiting) >= 3
    first, second, *rest = waiting

    shown = batch_ai("review", "show", "mail", "monday", first).output
    assert "Where is card" in shown
    assert batch_ai("review", "accept", "mail", "monday", first).exit_code == 0
    wrong = batch_ai(
        "review", "correct", "mail", "monday", second, "--set", "topic=othr", "--why", "x"
    )
    assert wrong.exit_code == 1
    assert "must be one of" in wrong.output
    assert "Did you mean topic=other?" in wrong.output
    right = batch_ai(
        "review", "correct", "mail", "monday", second, "--set", "topic=other", "--why", "x"
    )
    assert right.exit_code == 0, right.output
    assert batch_ai("review", "reject", "mail", "monday", *rest, "--why", "no").exit_code == 0
    assert "accept by cli:" in batch_ai("review", "list", "mail", "monday").output

    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0
    nothing = batch_ai("review", "list", "mail", "monday").output
    assert "Nothing of mail/monday is in review." in nothing
