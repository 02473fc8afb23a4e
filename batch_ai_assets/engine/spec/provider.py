"""ProviderSpec: what `providers.yaml` says of one model provider."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from .base import DataClass, Model, NonEmpty


class Price(Model):
    """USD per million tokens."""

    input_usd_per_million: NonNegativeFloat
    output_usd_per_million: NonNegativeFloat

    def cost_usd(self, tokens_in: int, tokens_out: int) -> float:
        """Cost of one call, USD."""
        return (
            tokens_in * self.input_usd_per_million + tokens_out * self.output_usd_per_million
        ) / 1_000_000


FREE = Price(input_usd_per_million=0.0, output_usd_per_million=0.0)


class ModelOffer(Model):
    """One model of a provider."""

    price: Price | Literal["free"]
    context_tokens: PositiveInt
    """The longest request the model takes, tokens, answer included."""

    @property
    def rate(self) -> Price:
        return FREE if self.price == "free" else self.price


class ProviderLimits(Model):
    """What the provider allows one key."""

    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None


class ProviderSpec(Model):
    """An OpenAI-compatible endpoint, and what it is approved for."""

    kind: Literal["openai", "local"] = "openai"
    """`local` is the bundled server; it is started and stopped with the run."""
    base_url: NonEmpty | None = None
    """For example https://api.example.com/v1. Plain http only to loopback."""
    secret: str | None = Field(
        default=None, pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|aws:.+)$"
    )
    """Where the API key is: `env:NAME`, `file:/path` or `aws:SECRET_NAME`. Never the key itself."""
    region: NonEmpty = "any"
    """Where documents are processed."""
    approved_classes: tuple[DataClass, ...] = ("public",)
    """Data classes this provider may see."""
    models: dict[str, ModelOffer]
    limits: ProviderLimits = ProviderLimits()

    @field_validator("base_url")
    @classmethod
    def _tls_or_loopback(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is not a web address; write https://host/v1")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError(f"{value!r} is plain http to another machine; use https")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _address_where_needed(self) -> ProviderSpec:
        if self.kind == "openai" and self.base_url is None:
            raise ValueError("base_url is missing; only kind: local has one of its own")
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
