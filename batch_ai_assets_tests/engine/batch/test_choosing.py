"""Which documents a decision is about: those of the desk, most of them in review."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from batch_ai_assets.engine.correcting import correct
from batch_ai_assets.engine.deciding import Decided, decide
from batch_ai_assets.engine.errors import DecisionError, StateError
from batch_ai_assets.engine.given_up import given_up
from batch_ai_assets.engine.reviews import reviews
from batch_ai_assets.engine.state import answer_marks
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import Kind
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World

RIGHT = {"topic": "other", "urgent": False}


def say(here: World, kind: Kind, *items: str, reasons: Sequence[str] = ()) -> Decided:
    return decide(
        here.job, "b1", kind, here.deps, who="cli:ada", why="so it is", items=items, reasons=reasons
    )


def mend(here: World, item: str, answer: dict[str, Any] = RIGHT, who: str = "cli:bob") -> Decided:
    return correct(here.job, "b1", item, answer, here.deps, who=who, why="it is another thing")


def last_words(here: World) -> dict[str, str]:
    """item → what was decided last."""
    return {one.item_id: one.kind for one in here.deps.store.decisions.of("topics", "b1")}


def test_all_of_them_leaves_alone_what_is_decided_already(desk: World) -> None:
    mend(desk, "first")
    say(desk, Kind.REJECT, "second")
    say(desk, Kind.REPLAY, "lost")

    accepted, discarded = say(desk, Kind.ACCEPT), say(desk, Kind.DISCARD)

    assert accepted.said.startswith("3 documents accepted. 2 documents were decided already")
    assert discarded.said.startswith("1 document given up. 1 document was decided already")
    assert last_words(desk) == {
        "first": "correct", "second": "reject", "lost": "replay", "spam": "discard",
        **dict.fromkeys(["third", "twin", "other-twin"], "accept"),
    }  # fmt: skip


def test_several_reasons_are_meant_together_and_an_unknown_one_records_nothing(desk: World) -> None:
    with pytest.raises(DecisionError, match=r"for 'http_503'\. Nothing was rec"):
        say(desk, Kind.DISCARD, reasons=["http_500", "http_503"])
    assert last_words(desk) == {}
    assert say(desk, Kind.DISCARD, reasons=["http_500", "rejected"]).count == 2


def test_where_all_is_decided_nothing_is_left_to_decide_on_but_by_name(desk: World) -> None:
    say(desk, Kind.DISCARD)
    with pytest.raises(DecisionError, match=r"\(2 documents\) is decided already"):
        say(desk, Kind.REPLAY)
    with pytest.raises(DecisionError, match=r"\(1 document\) is decided already"):
        say(desk, Kind.REPLAY, reasons=["http_500"])
    again = say(desk, Kind.REPLAY, "lost")
    assert "takes the place of what was decided before: lost (discard by cli:ada)" in again.said


def test_a_decision_on_an_answer_is_about_all_documents_with_the_text(desk: World) -> None:
    assert "So it is with 1 document of the same text: other-twin." in mend(desk, "twin").said
    said = {one.item_id: one.decided for one in reviews(desk.job, "b1", desk.deps)}
    assert said["other-twin"] == said["twin"] == "correct by cli:bob"
    assert say(desk, Kind.ACCEPT).choice.left_alone == 2

    desk.run()

    rows = {row["item_id"]: row for row in desk.results()}
    for name in ("twin", "other-twin"):
        assert {field: rows[name][field] for field in RIGHT} == RIGHT
        assert rows[name]["flags"] == ["corrected"]
    for kind in (Kind.DISCARD, Kind.REJECT):
        with pytest.raises(DecisionError, match=r"'twin' \(valid\).*--batch b1 --reread then"):
            say(desk, kind, "twin")


def test_of_two_words_on_one_text_the_last_one_counts_and_says_so(desk: World) -> None:
    before = {one.item_id: one.fields for one in reviews(desk.job, "b1", desk.deps)}
    mend(desk, "other-twin")
    said = say(desk, Kind.ACCEPT, "twin").said
    assert "other-twin (correct by cli:bob), twin (correct by cli:bob)" in said
    say(desk, Kind.REJECT, "first", "second", "third")

    desk.run()

    rows = {row["item_id"]: row for row in desk.results()}
    assert sorted(rows) == ["other-twin", "twin"]
    for name, row in rows.items():
        assert {field: row[field] for field in RIGHT} == before[name]
        assert row["flags"] == ["accepted"]


@pytest.mark.parametrize("kind", [Kind.REJECT, Kind.REPLAY])
def test_a_decision_needs_a_name_and_words(kind: Kind, desk: World) -> None:
    for who, why, said in (("cli:ada", " ", "in words that others"), (" ", "x", "the name of who")):
        with pytest.raises(DecisionError, match=said):
            decide(desk.job, "b1", kind, desk.deps, who=who, why=why)
        with pytest.raises(DecisionError, match=said):
            correct(desk.job, "b1", "first", RIGHT, desk.deps, who=who, why=why)
    assert last_words(desk) == {}


def test_a_decision_on_many_is_recorded_as_a_whole_or_not_at_all(
    desk: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_marks, "_PER_STATEMENT", 2)
    with closing(sqlite3.connect(desk.home / "state/state.sqlite")) as store:
        store.execute(
            "CREATE TRIGGER full BEFORE INSERT ON answer_marks WHEN "
            "(SELECT count(*) FROM answer_marks) = 3 BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(StateError):
            say(desk, Kind.ACCEPT)
        assert last_words(desk) == {}
        store.execute("DROP TRIGGER full")
    assert say(desk, Kind.ACCEPT).count == 5
    assert len(last_words(desk)) == 5


def test_a_batch_that_is_being_made_is_not_said_to_be_unknown(desk: World) -> None:
    desk.deps.store.batches.move("topics", "b2", State.PLANNED, who="test", run_id="run-x")
    with pytest.raises(DecisionError, match="Batch topics/b2 is planned, and nothing of it has"):
        decide(desk.job, "b2", Kind.ACCEPT, desk.deps, who="cli:ada", why="")


def test_what_was_given_up_is_taken_back_by_its_id(desk: World, server: LocalProvider) -> None:
    say(desk, Kind.DISCARD, "spam")
    say(desk, Kind.REJECT, "first")
    assert [one.item_id for one in given_up("topics", "b1", desk.deps)] == ["spam", "first"]
    desk.run()
    assert desk.counts().discarded == 2
    assert [one.item_id for one in given_up("topics", None, desk.deps)] == ["spam", "first"]
    with pytest.raises(DecisionError, match="'nobody'"):
        say(desk, Kind.REPLAY, "spam", "nobody")
    assert say(desk, Kind.REPLAY).choice.chosen[0].item_id == "lost", "all are the dead ones"

    assert say(desk, Kind.REPLAY, "spam", "first").count == 2
    desk.run()

    assert desk.counts().discarded == 0
    assert desk.dead()["spam"] == "rejected"
    assert "first" in {one.item_id for one in reviews(desk.job, "b1", desk.deps)}
    assert given_up("topics", "b1", desk.deps) == []
    assert server.stats()["calls"] == 3
