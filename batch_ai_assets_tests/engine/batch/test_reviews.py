"""Answers in review as people see them, and as they correct them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from batch_ai_assets.engine.correcting import correct
from batch_ai_assets.engine.errors import DecisionError
from batch_ai_assets.engine.reviews import Reviews, reviews

from ..world import World


def mend(here: World, item: str, **answer: object) -> None:
    correct(here.job, "b1", item, answer, here.deps, who="cli:ada", why="it is another thing")


def test_a_correction_is_what_is_shown_and_what_the_next_one_builds_on(desk: World) -> None:
    before = Reviews(desk.job, "b1", desk.deps).of("second")
    assert before is not None
    mend(desk, "second", **{**before.answer, "topic": "other"})
    once = Reviews(desk.job, "b1", desk.deps).of("second")
    assert once is not None
    assert once.fields == {**before.fields, "topic": "other"}
    assert once.confidence == before.confidence

    mend(desk, "second", **{**once.answer, "topic": "cash"})
    mend(desk, "second", topic="cash", urgent=True)
    twice = Reviews(desk.job, "b1", desk.deps).of("second")
    assert twice is not None
    assert twice.fields == {"topic": "cash", "urgent": True}
    desk.run()
    row = {row["item_id"]: row for row in desk.results()}["second"]
    assert (row["topic"], row["urgent"]) == ("cash", True)


def test_a_correction_that_breaks_a_rule_is_refused_with_its_name(desk: World) -> None:
    with pytest.raises(DecisionError, match="breaks a rule of topics: other_is_calm"):
        mend(desk, "first", topic="other", urgent=True)
    assert desk.deps.store.decisions.of("topics", "b1") == []


def test_a_damaged_answer_is_in_nobodys_way(desk: World) -> None:
    first = reviews(desk.job, "b1", desk.deps)[0]
    with closing(sqlite3.connect(desk.home / "state/state.sqlite")) as store:
        store.execute(
            "UPDATE answers SET sealed = x'01' WHERE answer_id = (SELECT answer_id FROM checkpoints"
            " JOIN items USING (plan_id, seq) WHERE item_id = ? AND answer_id IS NOT NULL)",
            (first.item_id,),
        )
        store.commit()

    found = Reviews(desk.job, "b1", desk.deps)

    assert len(found) == 5
    damaged, *others = found.first()
    assert damaged.item_id == first.item_id
    assert f"The stored answer for {first.item_id!r} does not open." in damaged.trouble
    assert all(one.answer and not one.trouble for one in others)
    mend(desk, first.item_id, topic="cash", urgent=False)
    mended = Reviews(desk.job, "b1", desk.deps).of(first.item_id)
    assert mended is not None
    assert mended.fields == {"topic": "cash", "urgent": False}
    desk.run()
    assert first.item_id in {row["item_id"] for row in desk.results()}
