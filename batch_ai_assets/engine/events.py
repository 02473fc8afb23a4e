"""Log events: one JSON line each, with stable names. `docs/log_events.md` lists them.

Figures, ids and reasons only: never document text, answers or secrets.
"""

from __future__ import annotations

import logging
from typing import Literal

import orjson

LOGGER = logging.getLogger("batch_ai")

Event = Literal[
    "batch_claimed",
    "batch_started",
    "waiting_for_lease",
    "input_left_alone",
    "upstream_changed",
    "manifest_written",
    "batch_planned",
    "pass_started",
    "pass_finished",
    "retry_sweep_waiting",
    "waiting_for_answers",
    "progress",
    "slots_not_shared",
    "slots_shared",
    "throttled",
    "draining",
    "asking_ended",
    "enriched",
    "judged",
    "checks_failed",
    "released", "decided", "decisions_fall_away",
    "batch_ended",
    "alert",
    "outbox_refused",
    "batch_hurried", "consumer_event", "consumer_refused",
]


def log_event(event: Event, **figures: str | int | float | bool | None) -> None:
    """Write one event at INFO."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info(orjson.dumps({"event": event, **figures}).decode())
