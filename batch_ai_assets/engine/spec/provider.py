"""ProviderSpec: what `providers.yaml` says of one model provider."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from .base import DataClass, Model, NonEmpty, SecretReference


class Price(Model):
    """USD per million tokens."""

    input_usd_per_million: NonNegativeFloat
    """Tokens sent."""
    output_usd_per_million: NonNegativeFloat
    """Tokens answered."""
    cached_input_usd_per_million: NonNegativeFloat | None = None
    """Tokens sent that the provider had in its prompt cache. No figure: they cost as much as
    others."""

    @model_validator(mode="after")
    def _cached_tokens_are_no_dearer(self) -> Price:
        cached, full = self.cached_input_usd_per_million, self.input_usd_per_million
        if cached is not None and cached > full:
            raise ValueError(
                f"cached_input_usd_per_million is {cached:g}, above input_usd_per_million "
                f"({full:g}); a cached token costs at most as much as another. Correct one of "
                "them, or leave the first out where both cost the same"
            )
        return self

    def cost_usd(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        """Cost of one call, USD. `tokens_cached` are a part of `tokens_in`.

        Never more than without them, not even by rounding: bounds are reckoned at the full price.
        """
        full = tokens_in * self.input_usd_per_million + tokens_out * self.output_usd_per_million
        if not tokens_cached:
            return full / 1_000_000
        return full / 1_000_000 - self.saved_usd(tokens_cached)

    def saved_usd(self, tokens_cached: int) -> float:
        """What so many cached tokens cost less than others, USD."""
        if self.cached_input_usd_per_million is None:
            return 0.0
        less = self.input_usd_per_million - self.cached_input_usd_per_million
        return tokens_cached * less / 1_000_000


FREE = Price(input_usd_per_million=0.0, output_usd_per_million=0.0)


class ModelOffer(Model):
    """One model of a provider."""

    price: Annotated[
        Annotated[Price, Tag("usd")] | Annotated[Literal["free"], Tag("word")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "usd"),
    ]
    """`free`, or USD per million tokens. A model with a price needs a budget in USD."""
    context_tokens: PositiveInt
    """The longest request the model takes, tokens, answer included."""

    @property
    def rate(self) -> Price:
        return FREE if self.price == "free" else self.price


class ProviderLimits(Model):
    """What the provider allows one key."""

    requests_per_minute: PositiveInt | None = None
    """No figure: what the provider's answers say of its limit."""
    tokens_per_minute: PositiveInt | None = None
    """Tokens sent and answered."""
    input_tokens_per_minute: PositiveInt | None = None
    """Tokens sent, where the provider counts them apart."""
    output_tokens_per_minute: PositiveInt | None = None
    """Tokens answered, where the provider counts them apart."""
    usd_per_month: PositiveFloat | None = None
    """USD that all jobs together may spend here in a month (UTC). No figure: no such cap."""


class ProviderSpec(Model):
    """An OpenAI-compatible endpoint, and what it is approved for."""

    kind: Literal["openai", "local"] = "openai"
    """`openai`: anything that speaks its protocol; `local`: the bundled server, which is started
    and stopped with the run."""
    base_url: NonEmpty | None = None
    """For example https://api.example.com/v1. Plain http only to loopback."""
    secret: SecretReference | None = None
    """Where the API key is: `env:NAME`, `file:/path` or `aws:SECRET_NAME`. Never the key itself."""
    region: NonEmpty = "any"
    """Where documents are processed: `eu`, `eu-west-1`; `any` where the provider does not say.
    `local`: they do not leave this machine, which satisfies every residency."""
    approved_classes: tuple[DataClass, ...] = ("public",)
    """Data classes this provider may see."""
    models: dict[str, ModelOffer] = Field(min_length=1)
    """The models that jobs may name, by the provider's own names."""
    limits: ProviderLimits = ProviderLimits()
    """Calls beyond these wait."""

    @field_validator("base_url")
    @classmethod
    def _tls_or_loopback(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if any(mark in value for mark in "@?#"):  # not repeated: they may hold a password
            raise ValueError(
                "an address holds no user, query or fragment; write https://host/v1, and put the "
                "key where secret: points to"
            )
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is not a web address; write https://host/v1")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"{value!r} is plain http to another machine; use https")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _address_where_needed(self) -> ProviderSpec:
        if self.kind == "openai" and self.base_url is None:
            raise ValueError("base_url is missing; only kind: local has one of its own")
        return self

    @model_validator(mode="after")
    def _local_means_here(self) -> ProviderSpec:
        here = self.base_url is None or is_loopback(urlsplit(self.base_url).hostname or "")
        if self.region == "local" and not here:
            raise ValueError("region: local is for a server on this machine; name the region")
        return self

    def satisfies(self, residency: str) -> bool:
        """True where documents that must stay in `residency` may go here: `eu` holds `eu-west-1`.

        (Pattern section 8, data residency.)
        """
        wanted, region = residency.casefold(), self.region.casefold()
        return wanted == "any" or region in ("local", wanted) or region.startswith(f"{wanted}-")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
