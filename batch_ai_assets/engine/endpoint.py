"""Endpoint: where a provider is reached, and with which key. Opened by a resource, per run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Carrier = Literal["aiohttp", "pyreqwest"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible base URL (`…/v1`) and its API key."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    carrier: Carrier = "aiohttp"
    """Which package carries the calls."""
