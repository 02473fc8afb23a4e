from __future__ import annotations

import pytest

from batch_ai_assets.engine.planning.sizing import (
    Pace,
    checkpoint_bytes,
    duration_seconds,
    output_bytes,
    workers_for,
)


@pytest.mark.parametrize(
    ("pace", "seconds"),
    [
        (Pace(10, seconds_per_call=2.0), 200.0),
        (Pace(10, requests_per_minute=100, seconds_per_call=2.0), 600.0),
        (Pace(10, tokens_per_minute=30_000, seconds_per_call=2.0), 1000.0),
        (Pace(10, 100_000, 10_000_000, 2.0), 200.0),
    ],
)
def test_a_batch_takes_as_long_as_the_tightest_of_workers_and_limits_demands(
    pace: Pace, seconds: float
) -> None:
    assert duration_seconds(1000, 500_000, pace) == pytest.approx(seconds)


def test_no_batch_is_quicker_than_one_call() -> None:
    assert duration_seconds(1, 100, Pace(32, seconds_per_call=2.0)) == 2.0
    assert duration_seconds(0, 0, Pace(32, seconds_per_call=2.0)) == 0.0


def test_workers_for_a_deadline_have_a_quarter_to_spare() -> None:
    # 10,000 documents in an hour at 4 s a call: 11.1 workers, 13.9 with a quarter more.
    assert workers_for(10_000, 3600.0, 4.0) == 14
    assert workers_for(1, 3600.0, 0.1) == 1


def test_storage_grows_with_the_items() -> None:
    assert checkpoint_bytes(1_000_000) == 200_000_000
    assert output_bytes(1000, 25.0) == 600_000
