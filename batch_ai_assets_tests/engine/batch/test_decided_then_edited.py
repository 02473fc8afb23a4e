"""What becomes of decisions where the job is edited before they are carried out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batch_ai_assets.engine.correcting import correct
from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.deps import Mode
from batch_ai_assets.engine.reviews import reviews
from batch_ai_assets.engine.state.rows import Kind

from ..world import World, make_job, merged
from .conftest import UNSURE

OTHER_QUESTION = merged(UNSURE, {"model": {"parameters": {"temperature": 0.5}}})
OTHER_BAR = merged(UNSURE, {"output": {"review_below": 0.99}})
RIGHT = {"topic": "other", "urgent": False}


def decided(here: World) -> None:
    for kind, item in (
        (Kind.ACCEPT, "first"), (Kind.REJECT, "third"), (Kind.DISCARD, "spam"),
        (Kind.REPLAY, "lost"),
    ):  # fmt: skip
        decide(here.job, "b1", kind, here.deps, who="cli:ada", why="so it is", items=[item])
    correct(here.job, "b1", "second", RIGHT, here.deps, who="cli:ada", why="no card")


def fallen(caplog: pytest.LogCaptureFixture) -> list[int]:
    said: list[dict[str, Any]] = [
        json.loads(one.getMessage()) for one in caplog.records if one.name == "batch_ai"
    ]
    return [one["items"] for one in said if one["event"] == "decisions_fall_away"]


def test_what_was_given_up_stays_given_up_and_answers_to_another_question_fall_away(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    decided(desk)
    with caplog.at_level("INFO", logger="batch_ai"):
        desk.run(job=make_job(desk.home, OTHER_QUESTION))
    assert fallen(caplog) == [2]
    assert desk.counts().discarded == 2
    waiting = reviews(make_job(desk.home, OTHER_QUESTION), "b1", desk.deps)
    assert {"first", "second"} <= {one.item_id for one in waiting}
    desk.run("b2", job=make_job(desk.home, OTHER_QUESTION))
    assert desk.counts("b2").skipped >= 2, "nor are they asked by the next batch"


def test_where_the_question_stays_the_same_answers_of_people_stay(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    decided(desk)
    with caplog.at_level("INFO", logger="batch_ai"):
        desk.run(job=make_job(desk.home, OTHER_BAR))
    assert fallen(caplog) == []
    rows = {row["item_id"]: row["flags"] for row in desk.results()}
    assert (rows["first"], rows["second"]) == (["accepted"], ["corrected"])


def test_who_asks_everything_afresh_is_told_which_answers_of_people_fall_away(
    desk: World, caplog: pytest.LogCaptureFixture
) -> None:
    decided(desk)
    with caplog.at_level("INFO", logger="batch_ai"):
        desk.run(mode=Mode.FRESH)
    assert fallen(caplog) == [2]
