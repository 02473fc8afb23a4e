"""The states of a batch and which may follow which. Pure; recording is `batches.py`.

    planned → running → completed | completed_with_dead_letters
                      → halted | interrupted | failed | paused | waiting   (and then running again)
    any state that is not final → cancelled

A completed batch is planned again where a changed spec, a replay or `--reprocess` makes its next
version. A cancelled one has none.
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import StateError

DIED = "died"
"""The reason with which a batch is interrupted whose process is gone."""


class State(StrEnum):
    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    HALTED = "halted"
    FAILED = "failed"
    COMPLETED = "completed"
    COMPLETED_WITH_DEAD_LETTERS = "completed_with_dead_letters"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self in (
            State.COMPLETED,
            State.COMPLETED_WITH_DEAD_LETTERS,
            State.CANCELLED,
        )


_STOPPED = {State.PAUSED, State.WAITING, State.INTERRUPTED, State.HALTED, State.FAILED}
_DONE = {State.COMPLETED, State.COMPLETED_WITH_DEAD_LETTERS}

_NEXT: dict[State, set[State]] = {
    State.PLANNED: {State.RUNNING, State.CANCELLED, *_STOPPED},
    State.RUNNING: {*_STOPPED, *_DONE, State.CANCELLED},
    **{state: {State.RUNNING, State.CANCELLED, *_STOPPED} for state in _STOPPED},
    **{state: {State.PLANNED, State.RUNNING} for state in _DONE},
    State.CANCELLED: set(),
}


def check_transition(before: State, after: State, batch: str) -> None:
    """StateError where `after` may not follow `before`. A state may always follow itself."""
    if before != after and after not in _NEXT[before]:
        raise StateError(
            f"Batch {batch} is {before}; it cannot become {after}. "
            "See its history with `batch-ai status`."
        )
