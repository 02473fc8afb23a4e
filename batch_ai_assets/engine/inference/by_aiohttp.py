"""AiohttpTransport: the seam carried by aiohttp, which is always there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from .. import failpoints
from ..endpoint import Endpoint
from .transport import CONNECT_SECONDS, IDLE_SECONDS, Broken, Unreachable, headers_for, url_of


class AiohttpTransport:
    """One pooled HTTP/1.1 session to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._url, self._headers = url_of(endpoint), headers_for(endpoint)

    async def __aenter__(self) -> Self:
        # Whole-call timeouts are swept by the worker: a timer per request costs 9 µs.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
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
