"""Events of the engine that a person at the terminal waits for, in words, as they happen.

The events themselves are JSON lines on the logger `batch_ai`; `docs/log_events.md` lists them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from batch_ai_assets.engine.control.trigger import counted
from batch_ai_assets.engine.events import LOGGER

_WORDS: Mapping[str, str] = {
    "waiting_for_lease": (
        "Another run works on {job}/{batch} ({held_by}); waiting for it, {seconds:.0f} s at most."
    ),
    "upstream_changed": (
        "{upstream} has released another version of {batch} since {job} read it; --reprocess"
        " reads that one."
    ),
    "decisions_fall_away": (
        "Answers that people accepted or corrected, and that fall away, as their documents are"
        " asked another question now: {items:,}."
    ),
    "draining": "Stopping: nothing more is sent; answers that are under way are waited for.",
    "retry_sweep_waiting": "Documents to be tried again: {items:,}; waiting {seconds:.0f} s.",
}
_LEFT = "input_left_alone"

_WORTH_A_WORD = 1.0
"""Seconds; a shorter wait is over before it is read."""


@contextmanager
def spoken_events(write: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, `write` gets a sentence for every event that a person waits for."""
    speaker = _Speaker(write)
    LOGGER.addHandler(speaker)
    try:
        yield
    finally:
        LOGGER.removeHandler(speaker)


def _left(said: Mapping[str, int]) -> str:
    """Which of the two reasons files are left alone for; a sentence that counts one alone."""
    reasons = {
        "still being written": said["unsettled"],
        "without the mark of a complete folder": said["unmarked"],
    }
    counts = [f"{counted(count, 'file')} {why}" for why, count in reasons.items() if count]
    return f"Left for another time: {', '.join(counts)}."


class _Speaker(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = json.loads(record.getMessage())
            words = _left(said) if said["event"] == _LEFT else _WORDS.get(said["event"])
            if words and said.get("seconds", _WORTH_A_WORD) >= _WORTH_A_WORD:
                self._write(words.format(**said))
        except (ValueError, KeyError, TypeError):  # a line of somebody else's, or an older form
            return
