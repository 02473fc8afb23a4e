from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.asked_ways import INPUT_TRUNCATED
from batch_ai_assets.engine.batch import Mode, Run, run_batch
from batch_ai_assets.engine.estimating import estimate
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.reporting.html import render_html
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.reporting.text import summary_lines
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world

LONG = " ".join(["paragraph"] * 20_000)
"""20,000 tokens; the stub's context holds 16,000."""

GROUPS = [
    {"name": "tiny", "tokens_below": 40, "prompt": {"file": "tiny.md", "version": "tiny-1"}},
    {"name": "mid", "tokens_below": 1000, "concurrency": 2, "parameters": {"max_tokens": 8}},
]


def plan_of(here: World, batch: str = "b1") -> list[dict[str, Any]]:
    table = here.deps.tables.latest("topics", "work_plan", batch)
    assert table is not None
    rows: list[dict[str, Any]] = table.to_arrow().to_pylist()
    return rows


def grouped(here: World, **changes: Any) -> World:
    here.job = here.job.model_copy(update={"group_prompts": {"tiny": "Say it in a word."}})
    return here


@pytest.fixture
def mixed() -> list[dict[str, Any]]:
    return [
        *(message(number) for number in range(20)),
        *(message(number, "word " * 200) for number in range(20, 30)),
        *(message(number, "word " * 3000) for number in range(30, 34)),
    ]


def test_an_item_is_asked_in_the_way_of_its_group(
    tmp_path: Path, server: LocalProvider, mixed: list[dict[str, Any]]
) -> None:
    with world(tmp_path, server.base_url, {"groups": GROUPS, "shards": {"count": 7}}) as here:
        grouped(here).write_messages(mixed)

        outcome = here.run()

        assert outcome.state is State.COMPLETED
        versions = Counter(row["prompt_version"] for row in here.results())
        assert versions == {"tiny-1": 20, "1": 14}
        shards = {row["item_id"]: row["shard_id"] for row in here.results()}
        planned = {row["shard_id"]: (row["group"], row["items"]) for row in plan_of(here)}
        assert Counter(shards.values()) == {name: items for name, (_, items) in planned.items()}
        assert {planned[shards[f"m{n}"]][0] for n in range(20)} == {"tiny"}
        assert {planned[shards[f"m{n}"]][0] for n in range(30, 34)} == {"rest"}
        assert len(planned) == 7
        record = outcome.record
        assert record is not None
        cut = {one.group: (one.prompt_version, one.to_ask) for one in record.groups}
        assert cut == {"tiny": ("tiny-1", 20), "mid": ("1", 10), "rest": ("1", 4)}
        assert sum(one.shards for one in record.groups) == 7
        assert fsck("topics", "b1", here.deps) == []


def test_the_rows_of_the_work_plan_are_the_items_of_the_batch(
    tmp_path: Path, server: LocalProvider, mixed: list[dict[str, Any]]
) -> None:
    with world(tmp_path, server.base_url, {"groups": GROUPS}) as here:
        grouped(here).write_messages(mixed[:20])
        here.run("monday")
        bad: list[Any] = [{"id": "blank", "text": " "}, "no json", message(99, LONG)]
        here.write_messages([*mixed, *bad])

        here.run("tuesday")

        fates = Counter()
        for row in plan_of(here, "tuesday"):
            fates[row["fate"]] += row["items"]
        assert fates == {"ask": 14, "unchanged": 20, "too_long": 1, "problem": 2}
        assert fates.total() == here.counts("tuesday").items


def test_shards_of_one_run_are_of_equal_work(
    topics: World, mixed: list[dict[str, Any]]
) -> None:
    topics.write_messages([*mixed, *(message(n, "word " * 40) for n in range(40, 140))])

    run_batch(topics.job, "b1", Run("run-1", "test", shards=4), topics.deps)

    tokens = [row["tokens_in"] for row in plan_of(topics)]
    assert len(tokens) == 4
    assert max(tokens) <= 1.05 * sum(tokens) / 4


def test_only_the_beginning_of_a_long_document_is_asked_and_every_table_says_so(
    tmp_path: Path, server: LocalProvider
) -> None:
    with world(tmp_path, server.base_url, {"over_length": "truncate"}) as here:
        here.write_messages([message(1), message(2, LONG)])

        outcome = here.run()

        assert outcome.state is State.COMPLETED, outcome.message
        assert {row["item_id"]: row["flags"] for row in here.results()} == {
            "m1": [], "m2": [INPUT_TRUNCATED],
        }  # fmt: skip
        report = here.deps.tables.latest("topics", "validation_report", "b1")
        assert report is not None
        flags = {row["item_id"]: row["flags"] for row in report.to_arrow().to_pylist()}
        assert flags == {"m1": [], "m2": [INPUT_TRUNCATED]}
        assert [row["truncated"] for row in plan_of(here)] == [1]
        assert outcome.record is not None
        assert outcome.record.truncated == 1
        said = "1 document longer than the model takes: only the beginning was asked"
        assert any(said in line for line in summary_lines(outcome.record))
        assert said in render_markdown(outcome.record)
        assert said in render_html(outcome.record)


def test_a_group_has_a_policy_of_its_own_for_long_documents(
    tmp_path: Path, server: LocalProvider
) -> None:
    groups = [{"name": "long", "tokens_from": 18_000, "over_length": "truncate"}]
    with world(tmp_path, server.base_url, {"groups": groups}) as here:
        here.write_messages([message(1), message(2, LONG), message(3, "paragraph " * 17_000)])

        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS

        assert here.dead() == {"m3": "too_long"}
        assert {row["item_id"] for row in here.results()} == {"m1", "m2"}


def test_the_beginning_of_a_document_is_another_question_than_all_of_it(
    tmp_path: Path, server: LocalProvider
) -> None:
    """A larger model reads more of it: the stored answer to less does not count."""
    with world(tmp_path, server.base_url, {"over_length": "truncate"}) as here:
        here.write_messages([message(1), message(2, LONG)])
        here.run("monday")
        calls = server.stats()["calls"]
        model = {"price": "free", "context_tokens": 32_000}
        larger = here.job.provider.model_copy(
            update={"models": {"stub": here.job.offer.model_validate(model)}}
        )
        here.job = here.job.model_copy(update={"provider": larger})

        here.run("tuesday")

        assert server.stats()["calls"] == calls + 1
        assert here.counts("tuesday").skipped == 1


def test_an_estimate_says_what_the_run_will_do_and_leaves_nothing_behind(
    tmp_path: Path, server: LocalProvider, mixed: list[dict[str, Any]]
) -> None:
    with world(tmp_path, server.base_url, {"groups": GROUPS, "over_length": "truncate"}) as here:
        grouped(here).write_messages([*mixed, message(99, LONG), {"id": "x", "text": ""}])

        said = estimate(here.job, "b1", here.deps, shards=5)

        assert here.deps.store.batches.state("topics", "b1") is None
        assert not (here.home / "data").exists()
        assert said.fates == {"ask": 35, "empty_text": 1}
        run_batch(here.job, "b1", Run("run-1", "test", shards=5), here.deps)
        asked = [row for row in plan_of(here) if row["fate"] == "ask"]
        assert sum(row["tokens_in"] for row in asked) == sum(g.work.tokens_in for g in said.groups)
        assert [(g.group, g.shards) for g in said.groups] == list(
            Counter(row["group"] for row in asked).items()
        )
        again = estimate(here.job, "b2", here.deps)
        assert again.fates == {"unchanged": 35, "empty_text": 1}
        assert again.learned_from == 1


def test_an_estimate_counts_what_stored_answers_serve_apart(
    topics: World, mixed: list[dict[str, Any]]
) -> None:
    topics.write_messages(mixed)
    topics.run()
    renamed = [{**row, "id": f"again-{row['id']}"} for row in mixed]
    topics.write_messages([*renamed, message(99)])

    (group,) = estimate(topics.job, "b2", topics.deps).groups

    assert (group.stored, group.work.items) == (len(mixed), 1)
    assert group.work.tokens_in < 400


def test_a_reprocessed_batch_is_cut_anew_and_pays_nothing(
    topics: World, server: LocalProvider, mixed: list[dict[str, Any]]
) -> None:
    topics.write_messages(mixed)
    topics.run()
    calls = server.stats()["calls"]

    again = Run("run-2", "test", Mode.REPROCESS, shards=3)
    outcome = run_batch(topics.job, "b1", again, topics.deps)

    assert outcome.state is State.COMPLETED
    assert server.stats()["calls"] == calls
    assert {row["shard_id"] for row in topics.results()} == {"0", "1", "2"}
