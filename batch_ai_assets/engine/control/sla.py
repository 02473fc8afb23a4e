"""Decision: what the deadline of a batch asks for at this moment. Pure; the clock is passed in.

At 70 % of its time, where the projection misses it: a warning, and more calls in flight within the
job's limits. At 90 %: an error, and the capacity action of the job. At 100 %: it is missed, and
those who read the results are told. What was said stays said until the version is complete, or an
approval puts the deadline off.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

from ..alert import Alert
from ..spec.job import LimitsSpec
from ..spec.sla import Capacity
from ..state.boosts import Boost
from .projection import Projection, Span
from .wording import moment, span

WARN_AT = 0.7
ESCALATE_AT = 0.9
_HEADROOM = 1.25
"""More calls in flight than just enough: not every one of them makes it faster."""
AT_RISK, MISSED = "sla_at_risk", "sla_missed"


@dataclass(frozen=True, slots=True)
class Situation:
    """An unfinished version with a deadline; instants in UTC seconds since the epoch."""

    job: str
    batch: str
    state: str
    """In words, with the reason: `running`, `halted: budget`."""
    triggered_at: float
    deadline_at: float
    now: float
    projection: Projection | None = None
    ends: Span | None = None
    """When it will be done; None where nobody can tell, or where it stands still."""
    warned: bool = False
    """An alert that it is at risk is open."""
    escalated: bool = False
    """That alert is an error."""

    @property
    def elapsed(self) -> float:
        """The share of its time that is gone."""
        allowed = self.deadline_at - self.triggered_at
        return (self.now - self.triggered_at) / allowed if allowed > 0 else inf

    @property
    def misses(self) -> bool:
        """Whether it will most likely be late."""
        return self.ends is None or self.ends.likely > self.deadline_at


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two alerts as they should be, and how the run is to be hurried; None for none."""

    at_risk: Alert | None = None
    missed: Alert | None = None
    boost: Boost | None = None


def judge(one: Situation, limits: LimitsSpec, capacity: Capacity) -> Verdict:
    """What is to be done now."""
    elapsed = one.elapsed
    if elapsed >= 1.0:
        kept = _at_risk(one, error=one.escalated) if one.warned else None
        return Verdict(kept, _missed(one), _all(limits, capacity))
    if elapsed >= ESCALATE_AT:
        return Verdict(_at_risk(one, error=True), None, _all(limits, capacity))
    if elapsed >= WARN_AT and (one.warned or one.misses):
        boost = _more(one, limits) if one.misses else None
        return Verdict(_at_risk(one, error=one.escalated), None, boost)
    return Verdict()


def _more(one: Situation, limits: LimitsSpec) -> Boost | None:
    """As many calls in flight as would make it, within the job's limits."""
    wanted = limits.most
    if one.ends is not None:
        behind = (one.ends.likely - one.now) / (one.deadline_at - one.now)
        wanted = min(limits.most, ceil(limits.concurrency * behind * _HEADROOM))
    return Boost(wanted) if wanted > limits.concurrency else None


def _all(limits: LimitsSpec, capacity: Capacity) -> Boost | None:
    return None if capacity == "none" else Boost(limits.most, urgent=True)


def _at_risk(one: Situation, *, error: bool) -> Alert:
    name = f"{one.job}/{one.batch}"
    left = max(0.0, one.deadline_at - one.now)
    much = f"{100 * one.elapsed:.0f} % of its time is gone"
    return Alert(
        kind=AT_RISK,
        severity="error" if error else "warning",
        job=one.job,
        batch=one.batch,
        title=f"{name}: {much}, due {moment(one.deadline_at)}",
        message=f"{_standing(one)} {span(left)} are left. {_remedy(one)}",
        figures=_figures(one),
    )


def _missed(one: Situation) -> Alert:
    name = f"{one.job}/{one.batch}"
    return Alert(
        kind=MISSED,
        severity="error",
        job=one.job,
        batch=one.batch,
        title=f"{name}: missed its deadline, {moment(one.deadline_at)}",
        message=f"{_standing(one)} Those who read its results are told. {_remedy(one)}",
        figures=_figures(one),
    )


def _standing(one: Situation) -> str:
    """How far it is and when it will be done, in one or two sentences."""
    found = one.projection
    said = f"It is {one.state}."
    if found is not None:
        said = (
            f"It is {one.state}, {found.percent:.1f} % done at {found.items_per_hour:,.0f} "
            "documents an hour."
        )
    if one.ends is None:
        return f"{said} When it will be done cannot be told."
    return (
        f"{said} It will likely be done {moment(one.ends.likely)} (between "
        f"{moment(one.ends.low)} and {moment(one.ends.high)})."
    )


def _remedy(one: Situation) -> str:
    if one.ends is None:
        return (
            f"`batch-ai status {one.job} {one.batch}` says why it does not go on, and what lets it."
        )
    return (
        "To be faster, raise limits.most_concurrency or the provider's limits; a run at work "
        "takes up new ones when it is started again."
    )


def _figures(one: Situation) -> dict[str, float]:
    figures = {
        "elapsed_share": one.elapsed,
        "triggered_at": one.triggered_at,
        "deadline_at": one.deadline_at,
    }
    if one.projection is not None:
        figures |= {
            "done": float(one.projection.done),
            "left": float(one.projection.left),
            "items_per_hour": one.projection.items_per_hour,
        }
    if one.ends is not None:
        figures |= {
            "ends_low": one.ends.low, "ends_likely": one.ends.likely, "ends_high": one.ends.high,
        }  # fmt: skip
    return figures
