"""What a person orders of a batch: it stops, goes on, or is given up, and nothing is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from batch_ai_assets.engine.batch import Run
from batch_ai_assets.engine.errors import OrderError
from batch_ai_assets.engine.order import OrderKind
from batch_ai_assets.engine.ordering import order
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world

PERSON = Run("order", "cli:tester")


def told_at_work(here: World, kind: OrderKind) -> None:
    """The order, once the run has had some answers."""
    store = here.deps.store
    while store.figures("topics", "b1").answered < 10:
        time.sleep(0.02)
    order(here.job, "b1", kind, PERSON, here.deps, why="prices")


def test_a_batch_at_work_pauses_within_seconds_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with (
        LocalProvider(ServerOptions(model="stub", latency_ms=30)) as server,
        world(tmp_path, server.base_url, {"limits": {"concurrency": 4}}) as here,
    ):
        here.write_messages(message(number) for number in range(600))
        person = threading.Thread(target=told_at_work, args=(here, OrderKind.PAUSE))
        person.start()
        outcome = here.run()
        person.join()
        assert outcome.state is State.PAUSED
        assert "paused by cli:tester (prices)" in outcome.message
        counts = here.counts()
        assert counts.pending
        assert counts.holds
        again = here.run()
        assert again.state is State.PAUSED, "a run does not go over the order"
        order(here.job, "b1", OrderKind.RESUME, PERSON, here.deps)
        assert here.run().state is State.COMPLETED
        assert here.counts().valid == 600
        assert server.stats()["calls"] == 600


def test_a_cancelled_batch_keeps_its_answers_and_asks_no_more(tmp_path: Path) -> None:
    with (
        LocalProvider(ServerOptions(model="stub", latency_ms=30)) as server,
        world(tmp_path, server.base_url, {"limits": {"concurrency": 4}}) as here,
    ):
        here.write_messages(message(number) for number in range(600))
        person = threading.Thread(target=told_at_work, args=(here, OrderKind.CANCEL))
        person.start()
        assert here.run().state is State.CANCELLED
        person.join()
        counts, asked = here.counts(), server.stats()["calls"]
        assert counts.cancelled
        assert not counts.pending
        assert counts.holds
        assert here.run().state is State.CANCELLED
        assert server.stats()["calls"] == asked
        with pytest.raises(OrderError, match="nothing to pause"):
            order(here.job, "b1", OrderKind.PAUSE, PERSON, here.deps)
