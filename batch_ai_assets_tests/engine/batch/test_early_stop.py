"""A systematic failure stops the batch: after the canary, or before the retry sweep."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from batch_ai_assets.engine.reporting.html import render_html
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.reporting.text import summary_lines
from batch_ai_assets.engine.state.life_cycle import State

from ..world import make_job, message
from .recorder import GOOD, Answer, completion, recorded

BAD = '{"topic": "weather", "urgent": true}'


def test_a_canary_that_fails_keeps_the_rest_from_being_asked(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(BAD)) as (here, provider):
        here.write_messages(message(number) for number in range(400))
        outcome = here.run()
    assert outcome.record is not None
    assert (outcome.state, outcome.record.reason) == (State.HALTED, "systematic_failure")
    assert "20 of the first 20 documents" in outcome.message
    assert "20 × " in outcome.message
    assert len(provider.bodies) == 40  # each once more, with the error
    assert here.counts().pending == 400


def test_what_was_mended_goes_on_where_the_canary_stopped(tmp_path: Path) -> None:
    answers = {"now": BAD}
    with recorded(tmp_path, answer=lambda _: completion(answers["now"])) as (here, provider):
        here.write_messages(message(number) for number in range(300))
        assert here.run().state is State.HALTED
        answers["now"] = GOOD
        assert here.run().state is State.COMPLETED
        assert len(provider.bodies) == 40 + 300


def test_a_small_batch_has_no_canary(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(BAD)) as (here, _):
        here.write_messages(message(number) for number in range(199))
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS


def test_many_failures_in_the_primary_pass_halt_before_the_sweep(tmp_path: Path) -> None:
    numbers = count()

    def answer(_: dict[str, Any]) -> Answer:
        return completion(GOOD) if next(numbers) % 10 else (503, {}, b"{}")

    spec = {"early_stop": {"min_items": 100}, "limits": {"concurrency": 4}}
    with recorded(tmp_path, answer=answer) as (here, provider):
        here.write_messages(message(number) for number in range(300))
        outcome = here.run(job=make_job(tmp_path, spec))
        assert outcome.record is not None
        assert (outcome.state, outcome.record.reason) == (State.HALTED, "systematic_failure")
        assert " of 300 documents (" in outcome.message
        assert 300 <= len(provider.bodies) <= 302  # the canary's failures, once more
        # Whoever runs it again has looked: what is left is few, and is asked.
        assert here.run(job=make_job(tmp_path, spec)).state is State.COMPLETED


def test_a_share_below_the_bar_is_swept(tmp_path: Path) -> None:
    numbers = count()

    def answer(_: dict[str, Any]) -> Answer:
        return completion(GOOD) if next(numbers) % 30 else (503, {}, b"{}")

    spec = {"early_stop": {"min_items": 100}, "limits": {"concurrency": 4}}
    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages(message(number) for number in range(300))
        assert here.run(job=make_job(tmp_path, spec)).state is State.COMPLETED


def test_a_failure_that_begins_in_the_bulk_stops_it_there_with_what_is_known(
    tmp_path: Path,
) -> None:
    numbers = count()
    bad = {"from": 10**6}

    def answer(_: dict[str, Any]) -> Answer:
        return completion(GOOD if next(numbers) < bad["from"] else BAD)

    spec = {"early_stop": {"min_items": 300}, "limits": {"concurrency": 4}}
    with recorded(tmp_path, answer=answer) as (here, provider):
        here.write_messages(message(number) for number in range(40))
        assert here.run("good", job=make_job(tmp_path, spec)).state is State.COMPLETED
        here.write_messages(message(1000 + number, "word " * 700) for number in range(800))
        bad["from"] = next(numbers) + 300
        changed = {**spec, "prompt": {"version": "2"}}
        outcome = here.run("bad", job=make_job(tmp_path, changed))

    record = outcome.record
    assert record is not None
    assert (outcome.state, record.reason) == (State.HALTED, "systematic_failure")
    assert "of the last 200 documents gave no usable answer" in outcome.message
    assert len(provider.bodies) < 40 + 300 + 2 * 60
    found = record.investigation
    assert found is not None
    assert (found.good_batch, found.good_version) == ("good", 1)
    assert [(one.path, one.words) for one in found.changes] == [("prompt.version", "1 → 2")]
    assert {(one.of, one.name, one.share) for one in found.mix} == {
        ("size", "below 500 tokens", 0.0), ("size", "500 to 2,000 tokens", 1.0)
    }  # fmt: skip
    [common] = found.common
    assert common.count >= 29
    assert all(item in {f"m{1000 + n}" for n in range(800)} for item in common.items)
    assert len(common.items) == 3
    lines = summary_lines(record)
    assert "changed   prompt.version: 1 → 2" in lines
    assert any(line.startswith(f"failed    {common.count} × ") for line in lines)
    assert "What went wrong" in render_markdown(record)
    assert common.items[0] in render_html(record)
