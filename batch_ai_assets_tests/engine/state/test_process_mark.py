"""Process marks: certain deaths are seen, everything else counts as alive."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from batch_ai_assets.engine.state.process_mark import is_dead, own_mark

MARK = (
    "from batch_ai_assets.engine.state.process_mark import own_mark\n"
    "print(own_mark(), flush=True)\ninput()"
)

pytestmark = pytest.mark.skipif(not own_mark(), reason="the kernel does not tell processes apart")


def test_a_living_process_is_not_dead() -> None:
    assert not is_dead(own_mark())


def test_a_process_that_ended_is_dead_even_before_it_is_reaped() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", MARK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    mark = child.stdout.readline().strip()
    assert not is_dead(mark)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # gone, a zombie until `wait`
    assert is_dead(mark)
    child.wait()
    assert is_dead(mark)


def test_a_reused_process_number_is_another_process() -> None:
    place, pid, started = own_mark().rsplit("/", 2)
    assert is_dead(f"{place}/{pid}/{int(started) - 1}")


@pytest.mark.parametrize("mark", ["", "nonsense", "elsewhere/pid:[1]/1/1", "a/b/c"])
def test_nobody_elsewhere_is_known_to_be_dead(mark: str) -> None:
    assert not is_dead(mark)
