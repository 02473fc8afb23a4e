"""Ctrl-C while the program is still loading is remembered.

A KeyboardInterrupt that is raised inside an import or a clean-up may be swallowed there; the wish
of the person is not. Once the run begins, the default handler is back and Dagster takes over.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_asked = threading.Event()


def remember_ctrl_c() -> None:
    """From now on, note that Ctrl-C came, besides raising KeyboardInterrupt."""
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)


def leave_ctrl_c_to_others() -> None:
    """Obey what came until now; from here on whoever runs the batch takes Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is _note:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    obey_ctrl_c()


def obey_ctrl_c() -> None:
    """Raise KeyboardInterrupt where one came and was swallowed."""
    if _asked.is_set():
        _asked.clear()
        raise KeyboardInterrupt


def _note(_number: int, _frame: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt
