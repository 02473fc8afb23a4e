"""Arrivals on PostgreSQL: who records and claims at once shares every file out to one batch."""

from __future__ import annotations

import threading
from collections import Counter

from batch_ai_assets.engine.state.arrivals import Arrival
from batch_ai_assets.engine.state.store import StateStore

JOB = "mail"
NAMES = [f"f{number:03} naïve" for number in range(200)]


def test_many_who_record_and_claim_at_once_give_every_file_to_one_batch(database: str) -> None:
    StateStore.open(database).close()
    problems: list[BaseException] = []

    def work() -> None:
        store = StateStore.open(database)
        try:
            for start in range(0, len(NAMES), 20):
                part = NAMES[start : start + 20]
                store.arrivals.record(JOB, [Arrival(name, "1", 10, 100) for name in part])
                store.arrivals.claim(JOB, 70)
            while store.arrivals.claim(JOB, 70):
                pass
        except BaseException as error:
            problems.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    store = StateStore.open(database)
    batches = store.arrivals.unstarted(JOB, float("inf"))
    held = Counter(name for batch in batches for name in store.arrivals.of(JOB, batch))
    waiting = store.arrivals.waiting(JOB)
    store.close()
    assert problems == []
    assert held == Counter(NAMES)
    assert (waiting.files, waiting.items, waiting.oldest) == (0, 0, None)


def test_a_file_that_changed_and_an_occasion_are_remembered(database: str) -> None:
    store = StateStore.open(database)

    store.arrivals.record(JOB, [Arrival("a", "1", 10, 100)])
    store.arrivals.record(JOB, [Arrival("a", "2", 20, 3_000_000_000)])
    claim = store.arrivals.claim(JOB, 100, occasion="flag:READY:1")

    assert claim is not None
    assert (claim.files, claim.items, claim.bytes) == (1, 20, 3_000_000_000)
    assert store.arrivals.obeyed_at(JOB, "flag:READY:1") is not None
    assert store.arrivals.first_at(JOB, "watched") == store.arrivals.first_at(JOB, "watched")
    store.close()
