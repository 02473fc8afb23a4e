"""Retry: which errors of a source pass by themselves, and waiting for them to.

A missing file or a refused permission does not pass; a busy mount or a cut connection may.
Retries of model calls are another matter, see `engine/inference`.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

T = TypeVar("T")

_NAMES = (
    "EAGAIN EBUSY ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH EINTR EIO EMFILE "
    "ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENOLCK ENOMEM EPIPE EREMOTEIO ESTALE ETIMEDOUT"
)
PASSING = frozenset(getattr(errno, name) for name in _NAMES.split() if hasattr(errno, name))

ATTEMPTS = 5
"""Attempts with growing waits, after a first one and a second one at once."""


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help."""
    if not isinstance(error, OSError):
        return False
    return isinstance(error, TimeoutError | ConnectionError) or error.errno in PASSING


class Retry:
    """Calls something until it works, does not pass, or has failed too often.

    Between attempts it waits 0.2, 0.4, 0.8 and 1.6 seconds by `sleep`. The last error is raised
    as it came.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._retrying = Retrying(
            retry=retry_if_exception(is_passing),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.2, max=5),
            sleep=sleep,
            reraise=True,
        )

    def __call__(self, call: Callable[[], T]) -> T:
        # The first attempt goes without the machinery: it costs more than opening a small file.
        try:
            return call()
        except OSError as error:
            if not is_passing(error):
                raise
        return self._retrying(call)
