"""A run that dies before any one of its transactions, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets.local_provider.process import LocalProvider

from .documents import plain
from .scene import BATCH, JOB, Scene


class Death(BaseException):
    """What no error handling of the engine sees."""


def die_before(scene: Scene, number: int) -> bool:
    """Run until the `number`-th transaction of the main thread; False where there are fewer."""
    main = threading.current_thread()
    left = number
    with scene.open() as here:
        database = here.deps.store.database
        real = database.run

        def counted(work: Callable[[Any], Any], *more: Any) -> Any:
            nonlocal left
            if threading.current_thread() is main:
                left -= 1
                if left <= 0:
                    raise Death  # and whatever the engine does about it fails as well
            return real(work, *more)

        database.run = counted  # type: ignore[method-assign]
        try:
            run_batch(here.job, BATCH, Run("run-1", "victim"), here.deps)
        except Death:
            return True
    return False


@pytest.mark.drill
def test_a_death_before_any_transaction_leaves_a_batch_that_can_go_on(
    tmp_path: Path, slow_stub: LocalProvider
) -> None:
    number, died = 0, True
    while died:
        number += 1
        documents = [plain(f"tx{number}", item) for item in range(3)]
        scene = Scene(tmp_path / str(number), slow_stub, documents).set_up()
        died = die_before(scene, number)
        scene.check_sound()
        outcome = scene.resume()
        assert outcome.state.finished, outcome.message
        scene.check_sound()
        scene.check_every_item_ended_once()
        assert scene.paid_twice() == 0
        with scene.open() as here:
            last = here.deps.store.transitions(JOB, BATCH)[-1]
            assert here.deps.store.batches.state(JOB, BATCH) == last.to_state == "completed"
            assert here.deps.store.leases.holder(JOB, BATCH) is None
    print(f"{number - 1} transactions")
    assert number > 10
