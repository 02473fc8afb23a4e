"""The life of a batch: which state may follow which, and that steps are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.state.life_cycle import State, check_transition
from batch_ai_assets.engine.state.store import StateStore

STOPPED = (State.HALTED, State.INTERRUPTED, State.FAILED, State.PAUSED)
states = st.sampled_from(list(State))


def allowed(before: State, after: State) -> bool:
    try:
        check_transition(before, after, "topics/b1")
    except StateError:
        return False
    return True


@given(state=states)
def test_a_state_may_follow_itself(state: State) -> None:
    assert allowed(state, state)


@given(after=states)
def test_nothing_follows_a_cancelled_batch(after: State) -> None:
    assert allowed(State.CANCELLED, after) == (after is State.CANCELLED)


@given(before=states)
def test_a_batch_completes_only_from_running(before: State) -> None:
    for done in (State.COMPLETED, State.COMPLETED_WITH_DEAD_LETTERS):
        assert allowed(before, done) == (before in (State.RUNNING, done))


@given(before=states)
def test_every_batch_that_is_not_cancelled_can_be_run(before: State) -> None:
    assert allowed(before, State.RUNNING) == (before is not State.CANCELLED)


@given(before=states)
def test_every_unfinished_batch_can_be_cancelled(before: State) -> None:
    assert allowed(before, State.CANCELLED) == (not before.finished or before is State.CANCELLED)


@pytest.mark.parametrize("stop", STOPPED)
def test_a_running_batch_can_stop_for_every_reason(stop: State) -> None:
    assert allowed(State.RUNNING, stop)
    assert allowed(State.PLANNED, stop)


@given(before=states, after=states)
def test_a_refused_step_names_the_batch_and_both_states(before: State, after: State) -> None:
    if not allowed(before, after):
        with pytest.raises(StateError, match="topics/b1") as refused:
            check_transition(before, after, "topics/b1")
        assert before.value in str(refused.value)
        assert after.value in str(refused.value)


@given(steps=st.lists(states, max_size=12))
def test_any_walk_keeps_only_legal_steps_and_is_kept_whole(steps: list[State]) -> None:
    store = StateStore.open("sqlite://", patience_seconds=0.1)
    try:
        walked: list[State] = []
        for step in steps:
            before = walked[-1] if walked else None
            try:
                store.batches.move("topics", "b1", step, who="somebody", run_id="run-1")
            except StateError:
                assert before is not None
                assert not allowed(before, step)
            else:
                if before is not step:
                    walked.append(step)
            assert store.batches.state("topics", "b1") == (walked[-1] if walked else None)
        kept = store.transitions("topics", "b1")
        assert [step.to_state for step in kept] == [state.value for state in walked]
        befores = [None, *(state.value for state in walked[:-1])][: len(walked)]
        assert [step.from_state for step in kept] == befores
    finally:
        store.close()
