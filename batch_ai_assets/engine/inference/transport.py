"""Transport: one seam, `post(body) → status, headers, bytes`, and who carries it.

Two carriers keep the same promises: aiohttp (`by_aiohttp.py`), which is always there, and pyreqwest
(`by_pyreqwest.py`, the extra `fast`), which costs less. What a status means is `outcome.py`'s; who
waits for what is the worker's. TLS is always verified; a redirect is never followed, because it
would take documents and key to another place.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ..endpoint import Endpoint
from ..errors import SpecError

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
"""A connection that nobody uses is closed after this long."""
_LINGER_SECONDS = 2.0
"""How long a call may outlive the time in which its caller cancels it."""


class Unreachable(Exception):  # noqa: N818 - a fact about the network, handled by the worker
    """No connection could be made: the request never left."""


class Broken(Exception):  # noqa: N818
    """The connection broke after the request left: it may have been worked on and billed."""


class Transport(Protocol):
    """Sends one request. Raises Unreachable or Broken, whose words name kinds of errors only: an
    exception's own text may quote what was sent.

    A call that is cancelled never returns. Its connection is dropped at once by aiohttp, and by
    pyreqwest when its caller's time for a call is over.
    """

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]: ...


def open_transport(
    endpoint: Endpoint, seconds: float
) -> AbstractAsyncContextManager[Transport]:
    """One pooled client to the endpoint, by the carrier that it names. Raises SpecError.

    `seconds`: after so long a call is cancelled by whoever made it; no connection outlives that by
    much.
    """
    # Imported when it is chosen: each carrier costs its import, and one of them may be missing.
    if endpoint.carrier == "aiohttp":
        from .by_aiohttp import AiohttpTransport

        return AiohttpTransport(endpoint)
    try:
        from .by_pyreqwest import PyreqwestTransport
    except ImportError as error:
        raise SpecError(
            "BATCH_AI_TRANSPORT is pyreqwest, which is not installed. Install it (pip install "
            "batch-ai-assets[fast]), or write aiohttp."
        ) from error
    return PyreqwestTransport(endpoint, seconds + _LINGER_SECONDS)


def url_of(endpoint: Endpoint) -> str:
    """Where requests go."""
    return f"{endpoint.base_url}/chat/completions"


def headers_for(endpoint: Endpoint) -> dict[str, str]:
    """What goes along with every request."""
    headers = {"Content-Type": "application/json"}
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    return headers
