"""What a reviewer fills in on the Launchpad, and what is recorded of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_ai_assets.decision_jobs import ReviewConfig, contradiction, review

from .engine.world import World, message, stub, world

UNSURE = {"output": {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 1.0}}
RIGHT = {"topic": "other", "urgent": False}


def filled_in(**decisions: object) -> ReviewConfig:
    return ReviewConfig(**{"batch": "b1", "who": "ada", "why": "so it is", **decisions})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decisions", "said"),
    [
        ({}, "Fill in accept (ids) or accept_all: true"),
        ({"accept": ["m1"], "accept_all": True}, "and not both"),
        ({"accept": ["m1", "m2"], "reject": ["m2"]}, "'m2' (accept and reject)"),
        (
            {"accept_all": True, "correct": {"m1": RIGHT}, "reject": ["m1"]},
            "'m1' (correct and reject)",
        ),
        ({"accept_all": True, "correct": {"m1": RIGHT}, "reject": ["m2"]}, ""),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_recorded(
    decisions: dict[str, object], said: str
) -> None:
    problem = contradiction(filled_in(**decisions))
    assert said in problem
    assert bool(said) == bool(problem)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("launchpad") / "home"
    with stub() as server, world(home, server.base_url, UNSURE) as here:
        here.write_messages(message(n) for n in range(4))
        here.run()
        assert here.counts().review == 4
    return home


@pytest.fixture
def desk(finished: Path, tmp_path: Path) -> Iterator[World]:
    with world(shutil.copytree(finished, tmp_path / "home"), spec=UNSURE) as here:
        yield here


def decided(here: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in here.deps.store.decisions.of("topics", "b1"):
        found.setdefault(one.item_id, []).append(one.kind)
    return found


def test_all_are_accepted_but_those_of_which_something_else_is_said(desk: World) -> None:
    config = filled_in(accept_all=True, correct={"m1": RIGHT}, reject=["m2"])
    said, problems = review(desk.job, config, desk.deps)
    assert decided(desk) == {
        "m0": ["accept"], "m1": ["correct"], "m2": ["reject"], "m3": ["accept"]
    }  # fmt: skip
    assert problems == []
    assert [line.split(".")[0] for line in said] == [
        "1 document corrected", "1 document rejected and given up", "2 documents accepted"
    ]  # fmt: skip


def test_where_nothing_is_left_to_accept_that_is_no_failure(desk: World) -> None:
    config = filled_in(accept_all=True, reject=["m0", "m1", "m2", "m3"])
    said, problems = review(desk.job, config, desk.deps)
    assert problems == []
    assert "is decided already" in said[-1]


def test_what_cannot_be_recorded_is_said_and_the_rest_is_recorded(desk: World) -> None:
    config = filled_in(accept=["m3"], correct={"m1": {"topic": "moon"}, "m9": RIGHT}, reject=["m2"])
    _, problems = review(desk.job, config, desk.deps)
    assert decided(desk) == {"m2": ["reject"], "m3": ["accept"]}
    assert len(problems) == 2
    assert "'m9'" in problems[1]
