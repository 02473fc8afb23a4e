"""Documents that are asked in parts: every plan, estimate and report counts all their calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.commands.estimate import lines
from batch_ai_assets.engine.asked_ways import INPUT_DIVIDED, INPUT_TRUNCATED, AskedWays
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.estimating import estimate
from batch_ai_assets.engine.inference.request import RequestTemplate
from batch_ai_assets.engine.reporting.html import render_html
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.reporting.text import summary_lines
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import ShardRow
from batch_ai_assets.engine.tokens import count_tokens
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world

LONG = "\n\n".join(f"Clause {number}. The party shall pay in time." for number in range(4000))
"""About 44,000 tokens; a document of the topics job may have less than 16,000."""
RUN = Run("run-1", "test", shards=2)


def parts_of(here: World, text: str) -> int:
    template = RequestTemplate(here.job)
    return template.calls(count_tokens([text])[0])


def plan(here: World, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the work plan of a batch of these documents."""
    here.write_messages(rows)
    raw = read_inputs(here.job, "b1", RUN, here.deps)
    table = plan_work(here.job, "b1", RUN, here.deps, raw)
    planned: list[dict[str, Any]] = table.to_arrow().to_pylist()
    return planned


def shards(here: World) -> list[ShardRow]:
    latest = here.deps.store.batches.latest_plan("topics", "b1")
    assert latest is not None
    return here.deps.store.shards.of(latest)


@pytest.fixture
def divided(tmp_path: Path, server: LocalProvider) -> Iterator[World]:
    """The topics job, which asks long documents in parts."""
    with world(tmp_path, server.base_url, {"over_length": "chunk_and_merge"}) as here:
        yield here


def test_the_plan_counts_every_part_of_a_long_document(divided: World) -> None:
    rows = plan(divided, message(1), message(2, LONG))

    text = message(2, LONG)["text"]
    parts = RequestTemplate(divided.job).parts(text)
    assert len(parts) > 2
    small, large = sorted(rows, key=lambda row: row["tokens_in"])
    assert (small["items"], small["divided"], small["calls"]) == (1, 0, 1)
    assert (large["items"], large["divided"], large["calls"]) == (1, 1, len(parts))
    assert (large["truncated"], large["most_tokens_out"]) == (0, 32 * len(parts))
    prompts = (len(parts) - 1) * RequestTemplate(divided.job).prompt_tokens
    assert large["tokens_in"] > count_tokens([text])[0] + prompts
    assert large["checkpoint_bytes"] == len(parts) * small["checkpoint_bytes"]
    assert [(row.divided, row.calls) for row in shards(divided)] == [(1, len(parts)), (0, 1)]


def test_what_is_planned_for_a_long_document_is_what_its_parts_will_be(divided: World) -> None:
    rows = plan(divided, message(2, LONG))

    template = RequestTemplate(divided.job)
    parts = template.parts(message(2, LONG)["text"])
    asked = sum(part.tokens + template.prompt_tokens for part in parts)
    assert rows[0]["tokens_in"] == pytest.approx(asked, abs=len(parts))


def test_a_document_of_too_many_parts_is_a_dead_letter_that_says_so(
    tmp_path: Path, server: LocalProvider
) -> None:
    spec = {"over_length": "chunk_and_merge", "chunks": {"most": 2}}
    with world(tmp_path, server.base_url, spec) as here:
        plan(here, message(1), message(2, LONG))

        assert here.dead() == {"m2": "too_long"}
        (letter,) = here.deps.store.dead_letters("topics", "b1")
        assert "It would be 4 parts, and 2 may be. Shorten it, raise chunks.most" in letter.message


def test_a_document_whose_parts_would_only_repeat_themselves_is_a_dead_letter_that_says_so(
    tmp_path: Path, server: LocalProvider
) -> None:
    spec = {"over_length": "chunk_and_merge", "chunks": {"overlap_tokens": 7_970}}
    with world(tmp_path, server.base_url, spec) as here:
        plan(here, message(2, LONG))

        assert here.dead() == {"m2": "too_long"}
        (letter,) = here.deps.store.dead_letters("topics", "b1")
        assert "too few for a part that shares 7,970 with the next one" in letter.message


def test_a_group_may_divide_what_the_job_leaves_alone(
    tmp_path: Path, server: LocalProvider
) -> None:
    groups = [{"name": "long", "tokens_from": 30_000, "over_length": "chunk_and_merge"}]
    with world(tmp_path, server.base_url, {"groups": groups}) as here:
        plan(here, message(1), message(2, LONG), message(3, LONG[: len(LONG) // 2]))

        assert here.dead() == {"m3": "too_long"}
        assert {row.group: row.divided for row in shards(here)} == {"long": 1, "rest": 0}


def test_items_are_flagged_by_how_they_were_asked(tmp_path: Path, server: LocalProvider) -> None:
    groups = [{"name": "huge", "tokens_from": 30_000, "over_length": "truncate"}]
    spec = {"over_length": "chunk_and_merge", "groups": groups}
    with world(tmp_path, server.base_url, spec) as here:
        plan(here, message(1), message(2, LONG), message(3, LONG[: len(LONG) // 2]))
        found = {shard.group: shard.shard for shard in shards(here)}
        ways = AskedWays(here.job, shards(here))

        assert ways.flags(found["rest"], 20_000) == [INPUT_DIVIDED]
        assert ways.flags(found["rest"], 100) == []
        assert ways.flags(found["huge"], 40_000) == [INPUT_TRUNCATED]
        assert ways.flags(-1, 20_000) == []


def test_an_estimate_says_what_the_plan_will_say(divided: World) -> None:
    documents = message(1), message(2, LONG), message(3, LONG[: len(LONG) // 2])
    divided.write_messages(documents)

    said = estimate(divided.job, "b1", divided.deps, shards=2)

    rows = plan(divided, *documents)
    (group,) = said.groups
    calls = sum(row["calls"] for row in rows)
    assert calls == sum(parts_of(divided, document["text"]) for document in documents) > 5
    assert (group.divided, group.truncated, group.work.items) == (2, 0, 3)
    assert group.work.calls == calls
    assert group.work.tokens_in == sum(row["tokens_in"] for row in rows)
    assert group.work.most_tokens_out == 32 * calls
    told = "\n".join(lines(divided.job, said, "topics b1"))
    assert f"; 2 asked in parts, {calls} calls in all" in told


def test_parts_with_a_stored_answer_cost_nothing_in_an_estimate(
    tmp_path: Path, server: LocalProvider
) -> None:
    # Documents with the texts of the parts, left as they are.
    spec = {"over_length": "chunk_and_merge", "input": {"clean": []}}
    with world(tmp_path, server.base_url, spec) as here:
        first, *others = RequestTemplate(here.job).parts(message(2, LONG)["text"])
        here.write_messages({"id": f"p{part.number}", "text": part.text} for part in others)
        here.run("parts")
        here.write_messages([message(2, LONG)])

        (group,) = estimate(here.job, "b1", here.deps).groups

        assert (group.stored, group.work.items, group.work.calls) == (0, 1, 1)
        asked = first.tokens + RequestTemplate(here.job).prompt_tokens
        assert group.work.tokens_in == pytest.approx(asked, abs=10)


def test_every_view_of_the_report_says_how_many_documents_were_asked_in_parts(
    tmp_path: Path, server: LocalProvider
) -> None:
    spec = {"over_length": "chunk_and_merge", "budget": {"limit_usd": 1e-9}}
    with world(tmp_path, server.base_url, spec) as here:
        here.write_messages([message(1), message(2, LONG)])

        outcome = here.run()

        assert outcome.state is State.HALTED  # a report is written in every ending
        record = outcome.record
        assert record is not None
        assert (record.divided, record.truncated) == (1, 0)
        assert b'"divided": 1' in record.to_json()
        said = "1 document longer than the model takes: asked in parts, their answers merged"
        assert any(said in line for line in summary_lines(record))
        assert said in render_markdown(record)
        assert said in render_html(record)
