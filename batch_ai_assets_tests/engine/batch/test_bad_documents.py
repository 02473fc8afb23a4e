"""Documents that cannot be used, through a whole batch: each ends dead by name, none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, world
from .items import ids, named, opened, plain

FOLDER = {"input": {"path": "{home}/inbox/letters", "format": "text"}}


def test_a_missing_file_is_named_and_the_batch_waits_for_it(
    topics: World, server: LocalProvider
) -> None:
    outcome = topics.run()

    assert outcome.state is State.FAILED
    for words in (str(topics.home / "inbox/messages.jsonl"), "input.path", "does not exist"):
        assert words in outcome.message
    assert topics.deps.store.batches.state("topics", "b1") is State.PLANNED
    assert server.stats()["calls"] == 0

    topics.write_messages(plain(3))
    assert topics.run().state is State.COMPLETED


@pytest.mark.parametrize("content", ["", "\n\n   \n"], ids=["no bytes", "blank lines"])
def test_an_empty_file_is_a_finished_batch_without_items(
    content: str, topics: World, server: LocalProvider
) -> None:
    topics.write_messages([]).write_text(content)

    outcome = topics.run()

    assert outcome.state is State.COMPLETED
    assert outcome.record is not None
    assert outcome.record.conservation.items == 0
    assert topics.results() == []
    assert server.stats()["calls"] == 0


def test_an_empty_folder_is_a_finished_batch_without_items(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, FOLDER) as here:
        (tmp_path / "inbox/letters").mkdir(parents=True)
        assert here.run().state is State.COMPLETED
        assert here.counts().items == 0


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u200b\ufeff", "\x00\x01"])
def test_a_text_without_anything_to_read_ends_dead_before_any_call(
    text: str, topics: World, server: LocalProvider
) -> None:
    blank, good = {"id": "blank", "text": text}, named()
    topics.write_messages([blank, good])

    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS

    assert topics.dead() == {"blank": "empty_text"}
    assert server.stats()["calls"] == 1
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert letter.attempts == 0
    assert json.loads(opened(topics, letter)[0]) == blank


def test_a_file_that_is_no_text_ends_dead_with_its_bytes_and_an_old_one_is_read(
    server: LocalProvider, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox/letters"
    folder.mkdir(parents=True)
    raw = b"\x00\x01\x02\xff\xfe\x00Gr" * 40
    (folder / "none.txt").write_bytes(raw)
    (folder / "old.txt").write_bytes("Grüße aus Köln, und bis bald".encode("latin-1"))
    (folder / "new.txt").write_text(named()["text"])
    with world(tmp_path, server.base_url, FOLDER) as here:
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert here.dead() == {"none.txt": "undecodable"}
        assert {row["item_id"] for row in here.results()} == {"new.txt", "old.txt"}
        (letter,) = here.deps.store.dead_letters("topics", "b1")
        assert opened(here, letter)[0] == raw
        assert "Gr" not in letter.message


def test_nul_bytes_are_cleaned_away_and_the_rest_is_asked(
    topics: World, server: LocalProvider
) -> None:
    row = named("nul\x00here")
    topics.write_messages([row])
    assert topics.run().state is State.COMPLETED
    assert server.stats()["items"][row["id"]]["answers"] == 1


def test_a_lone_surrogate_in_json_ends_dead_and_says_where(topics: World) -> None:
    good = named()
    topics.write_messages([good, '{"id": "broken", "text": "half a \\ud83d pair"}'])
    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS
    assert topics.dead() == {"messages.jsonl#line=2": "unreadable"}
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert "line 2 of 'messages.jsonl'" in letter.message
    assert [row["item_id"] for row in topics.results()] == [good["id"]]


def test_a_document_of_5_mb_ends_dead_as_too_long_without_a_call(
    topics: World, server: LocalProvider
) -> None:
    long, good = named("word " * 1_048_576), named()
    topics.write_messages([long, good])

    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS

    assert topics.dead() == {long["id"]: "too_long"}
    assert list(server.stats()["items"]) == [good["id"]]
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert "tokens; with the prompt and max_tokens, stub has room for 15," in letter.message
    assert opened(topics, letter)[0].decode() == long["text"].strip()


def test_of_a_repeated_id_the_first_is_asked_and_each_further_one_is_named_by_its_line(
    topics: World, server: LocalProvider
) -> None:
    first = named()
    again = {"id": first["id"], "text": "another text"}
    topics.write_messages([first, again, again])

    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS

    name = first["id"]
    assert topics.dead() == {f"{name}#line=2": "duplicate_id", f"{name}#line=3": "duplicate_id"}
    assert [row["item_id"] for row in topics.results()] == [name]
    assert server.stats()["calls"] == 1


LINES = {
    '{"text": "no id here"}': ("messages.jsonl#line=2", "missing_id", "no 'id'"),
    '{"id": "", "text": "blank id"}': ("messages.jsonl#line=2", "missing_id", "no usable id"),
    '{"id": "no-text"}': ("no-text", "missing_text", "no 'text'"),
    '{"id": "list", "text": ["a"]}': ("list", "missing_text", "a list in 'text'"),
    '{"id": "cut", "text": "half': ("messages.jsonl#line=2", "unreadable", "not valid JSON"),
    '["id", "text"]': ("messages.jsonl#line=2", "unreadable", "a list, not an object"),
    "plain words": ("messages.jsonl#line=2", "unreadable", "not valid JSON"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_no_item_ends_dead_and_says_which_line_and_why(
    line: str, topics: World, server: LocalProvider
) -> None:
    name, reason, words = LINES[line]
    rows = plain(2)
    topics.write_messages([rows[0], line, rows[1]])

    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS

    assert topics.dead() == {name: reason}
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert "line 2 of 'messages.jsonl'" in letter.message
    assert words in letter.message
    assert opened(topics, letter)[0].decode().rstrip("\n") == line
    assert [row["item_id"] for row in topics.results()] == ids(rows)
    assert server.stats()["calls"] == 2


def test_an_item_classed_above_its_job_ends_dead_before_any_call(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {"input": {"classification": "class"}}) as here:
        secret, good = {**named(), "class": "restricted"}, {**named(), "class": "public"}
        here.write_messages([secret, good])
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert here.dead() == {secret["id"]: "classified_above_job"}
        assert list(server.stats()["items"]) == [good["id"]]


def test_a_file_of_nothing_but_broken_lines_ends_with_nothing_but_dead_letters(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(["{"] * 30)
    outcome = topics.run()
    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert topics.counts().dead == 30
    assert topics.results() == []
    assert server.stats()["calls"] == 0
