"""Transport: one seam, `post(body) → status, headers, bytes`. Here: aiohttp.

What a status means is `outcome.py`'s; who waits for what is the worker's. TLS is always verified.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from .. import failpoints
from ..endpoint import Endpoint


class Unreachable(Exception):  # noqa: N818 - a fact about the network, handled by the worker
    """No connection could be made: the request never left."""


class Broken(Exception):  # noqa: N818
    """The connection broke after the request left: it may have been worked on and billed."""


class Transport(Protocol):
    """Sends one request. Raises Unreachable or Broken; cancelling drops the connection."""

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]: ...


class AiohttpTransport:
    """One pooled HTTP/1.1 session to one endpoint."""

    def __init__(self, endpoint: Endpoint, connect_seconds: float = 10.0) -> None:
        self._url = f"{endpoint.base_url}/chat/completions"
        self._headers = {"Content-Type": "application/json"}
        if endpoint.api_key:
            self._headers["Authorization"] = f"Bearer {endpoint.api_key}"
        self._connect_seconds = connect_seconds

    async def __aenter__(self) -> Self:
        # Whole-call timeouts are swept by the worker: a timer per request costs 9 µs.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            headers=self._headers,
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        try:
            # A redirect is not followed: it would take documents and key to another place.
            async with self._session.post(
                self._url, data=body, allow_redirects=False
            ) as response:
                failpoints.hit("after_send")
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(_words(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(_words(error)) from error


def _words(error: BaseException) -> str:
    """Kind and system error only: an exception's own text may quote what was sent or received."""
    number = getattr(error, "errno", None) or getattr(
        getattr(error, "os_error", None), "errno", None
    )
    said = f": {os.strerror(number)}" if isinstance(number, int) and number > 0 else ""
    return type(error).__name__ + said
