"""PyreqwestTransport: the seam carried by pyreqwest, whose work is done in Rust (extra `fast`)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectTimeoutError,
    DetailedPyreqwestError,
    NetworkError,
    PyreqwestError,
)
from pyreqwest.http import Url

from .. import failpoints
from ..endpoint import Endpoint
from .transport import CONNECT_SECONDS, IDLE_SECONDS, Broken, Unreachable, headers_for, url_of

_NEVER_CONNECTED = "client error (Connect)"
"""How the library words what failed before a request left. Its ConnectError alone does not tell: a
connection that is lost while an answer is awaited has the same name."""
_LAST_WORDS_SECONDS = 0.05
"""After its last answer the library's thread is in Python for a moment more; an interpreter that
ends meanwhile is aborted."""
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


class PyreqwestTransport:
    """One pooled HTTP/1.1 client to one endpoint."""

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        self._url, self._headers = Url(url_of(endpoint)), headers_for(endpoint)
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        # A call that is cancelled goes on in Rust, where only its own timeout drops it. Proxies are
        # never taken from the environment.
        self._client = (
            ClientBuilder()
            .default_headers(self._headers)
            .follow_redirects(False)
            .timeout(timedelta(seconds=self._seconds))
            .connect_timeout(timedelta(seconds=CONNECT_SECONDS))
            .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
            .http1_only()
            .no_proxy()
            .build()
        )
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()
        await asyncio.sleep(_LAST_WORDS_SECONDS)

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        task = asyncio.current_task(self._loop)  # named: looking it up costs more than all of this
        cancelled_before = task.cancelling() if task else 0
        try:
            response = await self._client.post(self._url).body_bytes(body).build().send()
            answer = (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            kind = Unreachable if _never_left(error) else Broken
            raise kind(_words(error)) from None
        if task and task.cancelling() > cancelled_before:
            # An answer that comes in the moment of the cancelling may be handed over all the same.
            raise asyncio.CancelledError
        failpoints.hit("after_send")
        return response.status, response.headers, answer


def _never_left(error: PyreqwestError) -> bool:
    if isinstance(error, NetworkError):
        return _NEVER_CONNECTED in _causes(error)
    return isinstance(error, ConnectTimeoutError | BuilderError)


def _causes(error: PyreqwestError) -> list[str]:
    found = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return [cause["message"] for cause in found or ()]


def _words(error: PyreqwestError) -> str:
    """Kind and system error only: the causes name the address, and may quote what was received."""
    lost = isinstance(error, NetworkError) and not _never_left(error)
    kind = "ConnectionLost" if lost else type(error).__name__
    found = _SYSTEM_ERROR.search(" ".join(_causes(error)))
    return kind + (f": {os.strerror(int(found[1]))}" if found else "")
