"""Calls really run side by side, and a declared rate is used to the full without being passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import stub, world
from .items import plain


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
