"""Kill -9 at random instants of a run, from its first moment to its last."""

from __future__ import annotations

import random

import pytest

from .conftest import StageScene
from .documents import mixed
from .scene import FEW

INSTANTS = 30
EVERY = 6
"""One of so many is in the fast tests; the others are in the drills."""
instants = [
    pytest.param(number, marks=() if number % EVERY == 0 else pytest.mark.drill)
    for number in range(INSTANTS)
]
_RANDOM = random.Random(20261122)
FRACTIONS = [(number + _RANDOM.random()) / INSTANTS for number in range(INSTANTS)]
"""Of the length of a clean run: one at random in every thirtieth, so that none is left out."""


@pytest.mark.parametrize("instant", instants)
def test_a_kill_at_any_instant_loses_nothing_and_wastes_only_what_was_at_risk(
    stage: StageScene, clean_seconds: float, instant: int
) -> None:
    scene = stage(mixed(f"instant-{instant}", FEW))
    killed = scene.kill_after(FRACTIONS[instant] * clean_seconds)
    scene.check_sound()
    reached = sum(scene.calls().values())
    outcome = scene.resume()
    assert outcome.state.finished, outcome.message
    scene.check_sound()
    scene.check_every_item_ended_once()
    twice = scene.paid_twice()
    print(
        f"instant {FRACTIONS[instant]:.2f}: {'killed' if killed else 'was done'} after {reached} "
        f"calls, paid twice {twice}, at risk {scene.at_risk():.0f}"
    )
    assert twice <= scene.at_risk()
