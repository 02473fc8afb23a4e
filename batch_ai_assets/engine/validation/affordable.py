"""The check `budget`: whether a planned batch is expected to stay within what it may spend. Pure.

It is made before the first call, from the plan and from what earlier batches came to cost; what is
spent after that is bounded by `control/budget.py`, whatever was expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from .check_result import BUDGET_MEANING, CheckResult


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one thing (USD or tokens) of a batch is expected to come to."""

    low: float
    """Not less than this: what is sent, and answers without length."""
    likely: float | None
    """What earlier batches let expect; None where there are too few."""
    high: float
    """If every answer is as long as allowed, and nothing fails."""

    @property
    def told(self) -> float:
        """The figure that is held against the limit: where nothing was learned, the least."""
        return self.low if self.likely is None else self.likely


@dataclass(frozen=True, slots=True)
class Room:
    """What may be spent on it, and whose limit that is."""

    limit: float
    words: str


def budget_check(
    usd: Forecast,
    tokens: Forecast,
    usd_room: Room | None,
    tokens_room: Room | None,
    *,
    learned_from: int,
    approved_by: str = "",
    waits: bool = True,
    workers_usd: float = 0.0,
    where: str = "",
) -> CheckResult:
    """`waits`: above the limit the batch waits for an approval, rather than warn. `where`: job
    and batch, as commands take them. None for a room: nothing limits it."""
    found = [f"{_usd(usd)}{_workers(workers_usd)}, {_tokens(tokens)} ({_learned(learned_from)})"]
    above: list[str] = []
    tight: list[str] = []
    if usd_room is not None:
        _hold(usd, workers_usd, usd_room, f"{usd_room.limit:,.4f} USD", above, tight)
    if tokens_room is not None:
        _hold(tokens, 0.0, tokens_room, f"{tokens_room.limit:,.0f} tokens", above, tight)
    found += above or tight
    if approved_by and (above or tight):
        found.append(f"approved by {approved_by}")
    refused = bool(above) and not approved_by
    return CheckResult(
        name="budget",
        passed=bool(approved_by) or not (above or tight),
        severity="error" if refused and waits else "warn",
        blocking=refused and waits,
        meaning=BUDGET_MEANING,
        found="; ".join(found),
        bar="the expected cost is within what may be spent",
        todo=_todo(where) if refused else "",
        figures={"expected_usd": usd.told + workers_usd, "most_usd": usd.high + workers_usd},
    )


def _hold(
    forecast: Forecast, more: float, room: Room, said: str, above: list[str], tight: list[str]
) -> None:
    if forecast.told + more > room.limit:
        above.append(f"above {said}, {room.words}")
    elif forecast.high + more > room.limit:
        tight.append(f"may pass {said}, {room.words}; it halts there")


def _todo(where: str) -> str:
    return (
        f"Let it begin with `batch-ai approve {where} --limit-usd USD --reason WHY`, or ask less: "
        "fewer documents, a cheaper model, a shorter prompt"
    )


def _usd(forecast: Forecast) -> str:
    span = f"{forecast.low:,.4f} to {forecast.high:,.4f} USD"
    return span if forecast.likely is None else f"{forecast.likely:,.4f} USD expected ({span})"


def _tokens(forecast: Forecast) -> str:
    span = f"{forecast.low:,.0f} to {forecast.high:,.0f} tokens"
    return span if forecast.likely is None else f"{forecast.likely:,.0f} tokens"


def _workers(usd: float) -> str:
    return f" with {usd:,.4f} USD for the machine" if usd else ""


def _learned(batches: int) -> str:
    return f"learned from {batches:,} batches" if batches else "no earlier batch to learn from"
