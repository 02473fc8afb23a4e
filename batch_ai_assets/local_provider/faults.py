"""What goes wrong on purpose: kinds of fault, scripts inside documents, and rates with a seed.

A document's text may hold `[[stub:KIND]]` or a script `[[stub:429(0.2),500,ok]]`: one step per
call of that item, the last one repeats. An item without a script meets faults by rate, drawn from
(seed, item, number of the call), so that the same plan gives the same faults in every run.

    ok          a valid answer
    NNN         that HTTP status (400 401 403 404 408 413 429 500 502 503 504) with OpenAI's error
                body; the argument is Retry-After in seconds (429 sends 1 where there is none)
    quota       429 insufficient_quota: no money left, waiting does not help
    reset       the connection is reset in the middle of the answer
    hang        nothing, then a reset after the argument's seconds (3600 where there is none)
    slow        a valid answer after the argument's seconds (2 where there is none)
    malformed   an answer that is not JSON
    schema      JSON that breaks the schema: a required field is missing, or is of a wrong type
    taxonomy    a value outside the first `enum` of the schema
    truncated   JSON cut in half, finish_reason length
    refusal     message.refusal, content null
    empty       empty content; in a packed request the item is left out of the answers

In a packed request a status or a connection fault of one item meets the whole request.

Here: which fault, if any, meets which item at which call. Not here: how it is carried out (HTTP
faults in `server`, faults of the content in `stub`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .documents import Document

STATUS_KINDS = frozenset(
    {"400", "401", "403", "404", "408", "413", "429", "500", "502", "503", "504", "quota"}
)
CONNECTION_KINDS = frozenset({"reset", "hang", "slow"})
CONTENT_KINDS = frozenset({"malformed", "schema", "taxonomy", "truncated", "refusal", "empty"})
KINDS = STATUS_KINDS | CONNECTION_KINDS | CONTENT_KINDS | {"ok"}

MAX_SECONDS = 3600.0
_SCRIPT = re.compile(r"\[\[stub:([^\]\n]{1,500})\]\]")
_STEP = re.compile(r"([a-z0-9]+)(?:\((\d+(?:\.\d+)?)\))?")


class FaultSyntaxError(ValueError):
    """A script or a rate cannot be read; the message says which part and what would be right."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one call."""

    kind: str
    seconds: float | None = None
    """The argument: `Retry-After` of a status, or how long `slow` and `hang` take."""

    @property
    def of_content(self) -> bool:
        """The answer comes, but what it says is wrong."""
        return self.kind in CONTENT_KINDS


OK = Step("ok")


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of calls, 0 to 1, that `step` happens to."""

    step: Step
    share: float


def parse_step(text: str) -> Step:
    """One step, such as `500` or `429(0.2)`. Raises FaultSyntaxError."""
    match = _STEP.fullmatch(text.strip())
    if match is None or match[1] not in KINDS:
        raise FaultSyntaxError(
            f"unknown fault {text.strip()!r}; kinds are {', '.join(sorted(KINDS))}, "
            "with an optional argument in seconds such as 429(0.2)"
        )
    seconds = None if match[2] is None else min(float(match[2]), MAX_SECONDS)
    return Step(match[1], seconds)


@lru_cache(maxsize=4096)
def parse_script(text: str) -> tuple[Step, ...]:
    """Steps of consecutive calls, such as `429,500,ok`. Raises FaultSyntaxError."""
    return tuple(parse_step(part) for part in text.split(","))


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Shares by kind, such as `500=0.02,429(0.2)=0.01`. Raises FaultSyntaxError."""
    rates: list[Rate] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        step, equals, share = part.partition("=")
        try:
            rates.append(Rate(parse_step(step), float(share) if equals else 1.0))
        except FaultSyntaxError:
            raise
        except ValueError as error:
            raise FaultSyntaxError(f"{part!r} needs a share, such as {step}=0.02") from error
    if any(not 0 <= rate.share <= 1 for rate in rates) or sum(r.share for r in rates) > 1 + 1e-9:
        raise FaultSyntaxError(f"the shares in {text!r} must be 0 to 1 and add up to at most 1")
    return tuple(rates)


class FaultPlan:
    """Which step each call of each item meets. Remembers how often each item was called."""

    def __init__(self, rates: Sequence[Rate] = (), seed: int = 0) -> None:
        self._rates = tuple(rates)
        self._seed = seed
        self._calls: dict[str, int] = {}

    def next_step(self, document: Document) -> Step:
        """The step of this call of the document's item. Raises FaultSyntaxError."""
        script = _SCRIPT.search(document.text) if "[[stub:" in document.text else None
        if script is None and not self._rates:
            return OK
        call = self._calls.get(document.item, 0)
        self._calls[document.item] = call + 1
        if script is not None:
            steps = parse_script(script[1])
            return steps[min(call, len(steps) - 1)]
        return self._drawn(document.item, call)

    def _drawn(self, item: str, call: int) -> Step:
        digest = hashlib.sha256(f"{self._seed}/{call}/{item}".encode()).digest()
        drawn = int.from_bytes(digest[:8], "big") / 2**64
        for rate in self._rates:
            if drawn < rate.share:
                return rate.step
            drawn -= rate.share
        return OK
