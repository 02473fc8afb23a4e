"""Urgent items of a batch are asked first; nobody is left behind for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.state.life_cycle import State

from ..world import make_job
from .recorder import GOOD, completion, recorded

WORDS = ("low", "urgent", None, "high", "Urgent ", "nonsense", 7)
RANKS = {"low": -1, "urgent": 2, "high": 1, "Urgent ": 2}

BY_COLUMN: dict[str, Any] = {
    "input": {"path": "{home}/inbox/messages.jsonl", "format": "jsonl", "priority": "haste"},
    "limits": {"concurrency": 1},
}


def rows(number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{n:03}", "text": f"message <{n:03}> of many", "haste": WORDS[n % len(WORDS)]}
        for n in range(number)
    ]


@pytest.mark.parametrize("items", [60, 700])
def test_urgent_items_go_first_and_those_of_one_priority_in_their_order(
    items: int, tmp_path: Path
) -> None:
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages(rows(items))
        job = make_job(tmp_path, {**BY_COLUMN, "early_stop": {"canary_items": 0}})
        assert here.run(job=job).state is State.COMPLETED
        asked = [
            json.loads(body)["messages"][-1]["content"].split("<")[2][:3]
            for body in provider.bodies
        ]
    wanted = sorted(rows(items), key=lambda row: (-RANKS.get(row["haste"], 0), row["id"]))
    assert asked == [row["id"] for row in wanted]


def test_a_group_with_an_urgent_item_goes_before_the_others(tmp_path: Path) -> None:
    long = [{"id": f"l{n}", "text": "word " * 300 + str(n), "haste": "low"} for n in range(5)]
    short = [{"id": f"s{n}", "text": f"short {n}", "haste": "urgent"} for n in range(5)]
    groups = {"groups": [{"name": "long", "tokens_from": 100}]}
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages([*long, *short])
        assert here.run(job=make_job(tmp_path, {**BY_COLUMN, **groups})).state is State.COMPLETED
    assert [len(body) > 1000 for body in provider.bodies[:5]] == [False] * 5
    assert len(provider.bodies) == 10
