"""Ctrl-C while loading: noted, even where an import swallows the exception."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from batch_ai_assets.commands.ctrl_c import leave_ctrl_c_to_others, obey_ctrl_c, remember_ctrl_c


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_swallowed_ctrl_c_is_obeyed_before_the_run_begins() -> None:
    remember_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        leave_ctrl_c_to_others()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_the_run_begins_with_the_default_handler() -> None:
    remember_ctrl_c()
    leave_ctrl_c_to_others()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    remember_ctrl_c()
    leave_ctrl_c_to_others()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_second_swallowed_ctrl_c_is_obeyed_as_well() -> None:
    remember_ctrl_c()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            obey_ctrl_c()
