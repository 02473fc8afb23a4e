"""Calls really run side by side, and a declared rate is used to the full without being passed."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.send_slots import FILE_NAME
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import make_job, stub, world
from .items import plain
from .recorder import GOOD, Answer, completion, recorded


def test_as_many_calls_are_in_flight_as_the_job_allows_and_no_more(tmp_path: Path) -> None:
    wide = {"limits": {"concurrency": 32}}
    with stub(latency_ms=50) as server, world(tmp_path, server.base_url, wide) as here:
        here.write_messages(plain(640))
        assert here.run().state is State.COMPLETED
        stats = server.stats()
        assert stats["max_in_flight"] == 32
        assert stats["answered_more_than_once"] == 0


def share_of_rate(stats: dict[str, Any], per_minute: int, burst: float) -> float:
    """Admitted requests over what the rate allows between first and last call."""
    seconds = stats["last_call_at"] - stats["first_call_at"]
    return float((stats["calls"] - burst) / (seconds * per_minute / 60))


def test_a_declared_request_rate_is_used_to_the_full_and_never_passed(tmp_path: Path) -> None:
    rpm, used = 12_000, 0.0
    allowed = {"limits": {"requests_per_minute": rpm}}
    with (
        stub(rpm=rpm, latency_ms=10) as server,
        world(tmp_path, server.base_url, {}, allowed) as here,
    ):
        for number in range(4):  # a machine that is busy elsewhere earns another try
            server.reset_stats()
            here.write_messages(plain(600))
            assert here.run(f"b{number}").state is State.COMPLETED
            stats = server.stats()
            assert stats["throttled"] == 0
            assert stats["calls"] == 600
            used = share_of_rate(stats, rpm, burst=0.1 * rpm / 60)
            assert used <= 1.02
            if used >= 0.95:
                break
    assert used >= 0.95


def test_the_lower_of_job_and_provider_limit_counts(server: LocalProvider, tmp_path: Path) -> None:
    slow, fast = ({"limits": {"requests_per_minute": rate}} for rate in (3_000, 90_000))
    with world(tmp_path, server.base_url, slow, fast) as here:
        here.write_messages(plain(80))
        here.run()
        assert share_of_rate(server.stats(), 3_000, burst=5) <= 1.02


def test_a_declared_token_rate_is_kept_by_what_the_answers_really_used(tmp_path: Path) -> None:
    tpm = 600_000
    with stub(tpm=tpm, latency_ms=10) as server:
        with world(tmp_path, server.base_url, {}, {"limits": {"tokens_per_minute": tpm}}) as here:
            here.write_messages(plain(500))
            assert here.run().state is State.COMPLETED
        stats = server.stats()
    assert stats["throttled"] == 0
    seconds = stats["last_call_at"] - stats["first_call_at"]
    assert stats["cost_tokens"] / seconds <= 1.1 * tpm / 60 + 1200 / seconds


def test_without_a_declared_rate_the_retry_after_of_the_provider_paces_the_crew(
    tmp_path: Path,
) -> None:
    with stub(rpm=3_000, burst_seconds=0.2) as server, world(tmp_path, server.base_url) as here:
        here.write_messages(plain(60))
        assert here.run().state is State.COMPLETED
        stats = server.stats()
        assert stats["answers"] == 60
        assert stats["throttled"] > 0
        assert {row["attempts"] for row in here.results()} == {1}


def test_a_provider_without_limits_is_asked_without_a_file_of_slots(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url) as here:
        here.write_messages(plain(200))
        assert here.run().state is State.COMPLETED
    assert not list(tmp_path.rglob(f"{FILE_NAME}*"))


def test_tokens_sent_and_answered_are_limited_apart(server: LocalProvider, tmp_path: Path) -> None:
    limits = {"input_tokens_per_minute": 10**9, "output_tokens_per_minute": 60_000}
    with world(tmp_path, server.base_url, {}, {"limits": limits}) as here:
        here.write_messages(plain(300))
        assert here.run().state is State.COMPLETED
        stats = server.stats()
        seconds = stats["last_call_at"] - stats["first_call_at"]
    assert 0.8 <= stats["completion_tokens"] / (seconds * 1000.0) <= 1.2


def test_a_storm_of_429s_throws_nothing_away_and_costs_no_attempt(tmp_path: Path) -> None:
    calls = 0

    def answer(_: dict[str, Any]) -> Answer:
        nonlocal calls
        calls += 1
        return (429, {"Retry-After": "0.02"}, b"{}") if calls <= 150 else completion(GOOD)

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages(plain(60))
        assert here.run(job=make_job(tmp_path, {"retry": {"max_attempts": 1}})).state is (
            State.COMPLETED
        )
        assert here.counts().valid == 60
        assert {row["attempts"] for row in here.results()} == {1}


def test_a_locked_file_of_slots_slows_a_batch_down_and_does_not_stop_it(
    server: LocalProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="batch_ai")
    limits = {"requests_per_minute": 12_000}
    with world(tmp_path, server.base_url, {}, {"limits": limits}) as here:
        here.write_messages(plain(30))
        here.deps.store.send_slots.change("another", lambda page, _: (page, None))
        with closing(sqlite3.connect(tmp_path / "state" / FILE_NAME)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert here.run().state is State.COMPLETED
            other.execute("ROLLBACK")
    events = [record.message for record in caplog.records if "slots" in record.message]
    assert len(events) == 1
    assert '"event":"slots_not_shared"' in events[0]
    stats = server.stats()
    # A tenth of the rate, as nobody knows how many there are.
    assert (stats["last_call_at"] - stats["first_call_at"]) >= 29 / 20.0 - 0.5
