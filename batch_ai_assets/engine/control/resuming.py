"""Decision: whether a batch that is not at work goes on by itself, and why. Pure.

A batch that a person stopped goes on when a person says so; one that was stopped by what passes
(a provider away, hours, a dead process) goes on when it has passed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..order import Order, OrderKind
from ..state.life_cycle import DIED, State

DEATHS = 3
"""A batch whose process died so often, and that came no further, is left to a person."""
DEAD_SECONDS = 25.0
"""A run that gave no sign of life for longer is dead: a lease lives 20 s, its heartbeat is 5 s."""
_APPROVABLE = ("budget", "awaiting_approval")


@dataclass(frozen=True, slots=True)
class Standstill:
    """An unfinished batch that nobody works on, and what may let it go on."""

    state: State
    reason: str
    since: float
    """When it came into this state, UTC seconds since the epoch."""
    seen_alive_at: float
    """When a run of it last gave a sign of life; 0.0 where none ever did."""
    done: int = 0
    """Items that have their end."""
    deaths: int = 0
    """How often its process died in a row, without one more answer in between."""
    order: Order | None = None
    approved_at: float | None = None
    """When more USD or tokens were allowed last."""
    provider_away: bool = False
    window_open: bool = True
    """Whether its hours are now; True for a batch without such."""


def revision(one: Standstill) -> float:
    """What the runs that are asked for it are counted by: a batch whose process dies again and
    again, and comes no further, is left to a person after some."""
    at_work = one.state in (State.RUNNING, State.PLANNED)
    return float(one.done) if at_work else one.since


def goes_on(one: Standstill, now: float) -> str:
    """Why the batch should be run now, in words; empty where it should not."""
    order = one.order
    if order is not None and order.kind is not OrderKind.RESUME:
        return ""
    told = order is not None and order.at > one.since
    if one.state is State.PAUSED and one.reason == "provider":
        return "" if one.provider_away else "its provider answers again"
    if one.state is State.PAUSED:
        return "it was told to go on" if told else ""
    if one.state is State.WAITING:
        return "its hours have begun" if one.window_open else ""
    if one.state is State.HALTED:
        approved = one.approved_at is not None and one.approved_at > one.since
        if approved and one.reason in _APPROVABLE:
            return "its approval was given"
        return "it was told to go on" if told else ""
    if one.state is State.FAILED:
        passed = one.reason == "state_store" and now - one.since > DEAD_SECONDS
        return "the state store is back" if passed else "it was told to go on" if told else ""
    over = _after_death(one, now)
    return over or ("it was told to go on" if told and one.state is not State.RUNNING else "")


def is_put_down(one: Standstill, now: float) -> bool:
    """Whether a run was at work on it that is gone, which its state does not say yet; of one that
    was being planned, where it was told to stop meanwhile."""
    told_to_stop = one.order is not None and one.order.kind is not OrderKind.RESUME
    prepared = one.state is State.PLANNED and bool(one.seen_alive_at) and told_to_stop
    quiet = now - max(one.since, one.seen_alive_at) > DEAD_SECONDS
    return quiet and (one.state is State.RUNNING or prepared)


def _after_death(one: Standstill, now: float) -> str:
    """Of a batch that was at work: interrupted, or left behind by a process that is gone."""
    quiet_since = max(one.since, one.seen_alive_at)
    if one.deaths >= DEATHS:
        return ""
    if one.state is State.INTERRUPTED and one.reason == DIED:
        return "the run that worked on it is gone"
    if now - quiet_since <= DEAD_SECONDS:
        return ""
    if one.state is State.RUNNING:
        return "the run that worked on it is gone"
    if one.state is State.PLANNED and one.seen_alive_at:
        return "the run that prepared it is gone"
    if one.state is State.INTERRUPTED and one.reason == "terminated":
        return "the machine it ran on was told to go"
    return ""
