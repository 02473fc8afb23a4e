"""PyreqwestTransport: the seam carried by pyreqwest, whose work is done in Rust (extra `fast`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    PyreqwestError,
)

from .. import failpoints
from ..endpoint import Endpoint
from .transport import CONNECT_SECONDS, IDLE_SECONDS, Broken, Unreachable, headers_for, url_of

_CONNECT = "client error (Connect)"


class PyreqwestTransport:
    """One pooled HTTP/1.1 client to one endpoint."""

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        self._url, self._headers = url_of(endpoint), headers_for(endpoint)
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
            .gzip(True)
            .http1_only()
            .no_proxy()
            .tcp_nodelay(True)
            .build()
        )
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        try:
            response = await self._client.post(self._url).body_bytes(body).build().send()
            failpoints.hit("after_send")
            return response.status, response.headers, bytes(await response.bytes())
        except (ConnectTimeoutError, BuilderError) as error:
            raise Unreachable(type(error).__name__) from None
        except ConnectError as error:
            # A connection that breaks while it is used has the same name: the causes tell.
            raise (Unreachable if _never_connected(error) else Broken)("ConnectError") from None
        except PyreqwestError as error:
            raise Broken(type(error).__name__) from None


def _never_connected(error: ConnectError) -> bool:
    causes = error.details["causes"] or []
    return any(cause["message"] == _CONNECT for cause in causes)
