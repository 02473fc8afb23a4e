"""Sizing: how long a batch takes, how many workers it needs, what it stores. Pure formulas.

From the pattern's capacity planning (section 10) and fleet sizing (section 4): workers are the
throughput that is wanted over that of one worker, with a quarter to spare; storage is items times
the size of a record. A worker here is one call in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

SAFETY = 1.25
"""Head room for uneven shards."""
OUTPUT_OVERHEAD = 1.2
CHECKPOINT_BYTES = 200
"""One checkpoint record."""
LINEAGE_BYTES = 400
"""What a result row holds beside the answer, before compression."""
BYTES_PER_TOKEN = 4.0
"""Of an answer; a usual figure for JSON in English."""
SECONDS_PER_CALL = 2.0
"""Assumed while the job has no history of its own."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of how fast calls go."""

    concurrency: int
    """Calls in flight at once."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """The lower of the job's limits and the provider's; None: no limit."""
    seconds_per_call: float = SECONDS_PER_CALL


def duration_seconds(calls: int, tokens: int, pace: Pace) -> float:
    """Calls over the throughput of all workers, or what the rate limits demand, if that is more."""
    return max(
        min(calls, 1) * pace.seconds_per_call,
        calls * pace.seconds_per_call / pace.concurrency,
        60.0 * calls / pace.requests_per_minute if pace.requests_per_minute else 0.0,
        60.0 * tokens / pace.tokens_per_minute if pace.tokens_per_minute else 0.0,
    )


def workers_for(calls: int, within_seconds: float, seconds_per_call: float) -> int:
    """Calls in flight that bring `calls` home in time, a quarter to spare. At least one."""
    return max(1, ceil(calls / within_seconds * seconds_per_call * SAFETY))


def output_bytes(items: int, tokens_per_answer: float) -> int:
    """Storage of the results, bytes."""
    return int(items * (tokens_per_answer * BYTES_PER_TOKEN + LINEAGE_BYTES) * OUTPUT_OVERHEAD)


def checkpoint_bytes(calls: int) -> int:
    """Storage of the checkpoints, bytes."""
    return calls * CHECKPOINT_BYTES
