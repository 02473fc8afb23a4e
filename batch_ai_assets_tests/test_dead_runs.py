"""Runs that Dagster shows at work though their process is gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.dead_runs import QUIET_SECONDS, START_SECONDS, Sign, is_dead

LONG = 1e6
seconds = st.floats(0.0, LONG)


@given(holds=st.booleans(), gone=st.booleans(), quiet=seconds, run=seconds)
def test_nobody_is_dead_while_the_lease_of_the_batch_lives(
    holds: bool, gone: bool, quiet: float, run: float
) -> None:
    assert not is_dead(Sign(holds, True, gone, quiet, run))


@pytest.mark.parametrize(
    ("sign", "dead"),
    [
        (Sign(True, False, True, 0.0, 10.0), True),
        (Sign(True, False, False, QUIET_SECONDS - 1, LONG), False),
        (Sign(True, False, False, QUIET_SECONDS + 1, LONG), True),
        (Sign(False, False, True, LONG, 10.0), False),
        (Sign(False, False, True, LONG, START_SECONDS + 1), True),
        (Sign(False, False, False, START_SECONDS - 1, LONG), False),
    ],
    ids=[
        "its process is seen to be gone", "between two stages", "long quiet, elsewhere",
        "just begun", "never took the lease", "the batch was heard of a moment ago",
    ],
)  # fmt: skip
def test_a_run_is_dead_by_what_is_known_of_its_process(sign: Sign, dead: bool) -> None:
    assert is_dead(sign) is dead
