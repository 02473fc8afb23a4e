"""What a month will have cost at its end, from what each day cost so far. Pure.

Days to come cost what such days cost: the median of the days that are over, of the same weekday
where there are two weeks or more. The range comes from how far days were from that. Of three days
or fewer nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

FEWEST_DAYS = 3
"""Of fewer days that are over nothing is foretold."""
WEEKDAYS_FROM = 14
"""From so many days on, Mondays are expected to be like Mondays."""
_EIGHTY_PERCENT = 1.2816
"""Standard deviations to each side that hold four fifths of a normal distribution."""


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """What the month is expected to come to; USD."""

    low: float
    likely: float
    high: float
    """In four of five cases it ends between `low` and `high`, if days go on as before."""
    days: int
    """So many days it was learned from."""
    by_weekday: bool


def month_end(
    spent: float,
    before: Sequence[float],
    *,
    today: float,
    weekday: int,
    left: int,
) -> MonthEnd | None:
    """None where too few days are over to say anything.

    spent: so far in the month, today included. before: what each day cost that is over, the last
    one yesterday; also days of earlier months. today: what this day cost so far, weekday: which
    one it is (0 Monday). left: days of the month after today.
    """
    begun = next((place for place, cost in enumerate(before) if cost > 0), len(before))
    known = before[begun:]
    days = len(known)
    if days < FEWEST_DAYS:
        return None
    by_weekday = days >= WEEKDAYS_FROM
    usual = [_usual(known, (weekday - 1 - ago) % 7, weekday, by_weekday) for ago in range(days)]
    off = [(known[-1 - ago] - usual[ago]) ** 2 for ago in range(days)]
    coming = [
        _usual(known, (weekday + ahead) % 7, weekday, by_weekday) for ahead in range(left + 1)
    ]
    rest = max(0.0, coming[0] - today) + sum(coming[1:])
    ahead = left + 1
    # The level itself was learned from few days: its error is the same on every day to come.
    spread = (sum(off) / (days - 1) * (ahead + ahead * ahead / days)) ** 0.5
    return MonthEnd(
        low=spent + max(0.0, rest - _EIGHTY_PERCENT * spread),
        likely=spent + rest,
        high=spent + rest + _EIGHTY_PERCENT * spread,
        days=days,
        by_weekday=by_weekday,
    )


def _usual(known: Sequence[float], wanted: int, today: int, by_weekday: bool) -> float:
    """What a day of this weekday costs. Where most days cost nothing, their median would foretell
    nothing for ever: then the mean."""
    alike = (
        [cost for ago, cost in enumerate(reversed(known)) if (today - 1 - ago) % 7 == wanted]
        if by_weekday
        else known
    )
    return median(alike) or fmean(alike)


@dataclass(frozen=True, slots=True)
class Cap:
    """What a job or a provider may spend in a month, as its file says."""

    of: str
    """`job` or `provider`."""
    name: str
    usd: float | None = None
    tokens: int | None = None


def warning(cap: Cap, forecast: MonthEnd | None, spent: float) -> str:
    """What is to be said of a cap in USD before it is reached; empty where it is far."""
    if cap.usd is None:
        return ""
    whose = f"{cap.of} {cap.name}"
    if spent >= cap.usd:
        return f"{whose} has reached its cap of {cap.usd:,.2f} USD for this month"
    if forecast is None or forecast.high <= cap.usd:
        return ""
    word = "will pass" if forecast.likely > cap.usd else "may pass"
    return (
        f"{whose} {word} its cap of {cap.usd:,.2f} USD before the month ends: forecast "
        f"{forecast.likely:,.2f} USD ({forecast.low:,.2f} to {forecast.high:,.2f})"
    )
