from __future__ import annotations

import logging

from batch_ai_assets.commands.spoken_events import spoken_events
from batch_ai_assets.engine.events import LOGGER, log_event


def test_what_a_person_waits_for_is_said_in_words() -> None:
    LOGGER.setLevel(logging.INFO)
    said: list[str] = []

    with spoken_events(said.append):
        log_event("waiting_for_lease", job="mail", batch="b", held_by="cli:ann", seconds=20.0)
        log_event("draining", job="mail", batch="b", signal="SIGINT")
        log_event("retry_sweep_waiting", job="mail", batch="b", items=1, seconds=4.2)
        log_event("upstream_changed", job="routes", batch="b", upstream="mail")
        log_event("input_left_alone", job="mail", batch="b", unsettled=2, unmarked=0)
        log_event("input_left_alone", job="mail", batch="b", unsettled=1, unmarked=1)

    assert said == [
        "Another run works on mail/b (cli:ann); waiting for it, 20 s at most.",
        "Stopping: nothing more is sent; answers that are under way are waited for.",
        "Documents to be tried again: 1; waiting 4 s.",
        "mail has released another version of b since routes read it; --reprocess reads that one.",
        "Left for another time: 2 files still being written.",
        "Left for another time: 1 file still being written, 1 file without the mark of a complete"
        " folder.",
    ]


def test_other_events_short_waits_and_lines_that_are_none_are_passed_over() -> None:
    LOGGER.setLevel(logging.INFO)
    said: list[str] = []

    with spoken_events(said.append):
        log_event("pass_started", job="mail", batch="b", number=1)
        log_event("retry_sweep_waiting", job="mail", batch="b", items=1, seconds=0.3)
        LOGGER.info("no event at all")
        LOGGER.info("[1]")
    log_event("draining", job="mail", batch="b", signal="SIGINT")

    assert said == []
