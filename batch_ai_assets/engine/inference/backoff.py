"""Backoff: how long the sweep waits before a further try. A tenacity policy used as a function."""

from __future__ import annotations

import tenacity

from ..spec.job import RetrySpec


class Backoff:
    """Exponential with full jitter, from the job's `retry` section."""

    def __init__(self, retry: RetrySpec) -> None:
        self._wait = tenacity.wait_random_exponential(
            multiplier=retry.base_seconds, max=retry.max_seconds
        )
        self._least = retry.base_seconds / 2

    def seconds(self, attempt: int) -> float:
        """Pause before attempt number `attempt` + 1."""
        state = tenacity.RetryCallState(_NO_RETRYING, None, (), {})
        state.attempt_number = attempt
        return max(self._least, self._wait(state))


_NO_RETRYING = tenacity.Retrying()
