"""Rates: what a provider key is kept to, from what is declared, told and suffered. Pure.

`providers.yaml` declares limits, a provider's answers tell them (`rate_headers.py`), and a 429 in
spite of both says that the truth is lower. All processes go by the same page
(`state/send_slots.py`). Who gets which part of the rate is `booking.py`'s.
"""

from __future__ import annotations

from dataclasses import replace

from ..spec.provider import ProviderLimits
from ..state.send_slots import Dimension, Page, Track
from .news import Limits, News

TOLD_COUNTS_SECONDS = 3600.0
"""A limit that was told is believed for so long after it was last heard."""
GAP_SECONDS = 0.4
"""After a 429 the provider's bucket is empty. It is left alone until there is enough in it for
slots that are early (`booking.BURST_SECONDS`) or late (`slots.LATE_SECONDS`)."""
EASE = 0.95
"""What is left of the rate after a burst of 429s that came in spite of pacing."""
SUSPICIOUS_SECONDS = 10.0
"""One 429 in so long a time may be one impossible document's; two are the rate's."""
LEAST = 0.1
"""No less than this part of the rate, however often that happens."""


def declared_limits(limits: ProviderLimits) -> dict[Dimension, float]:
    """What `providers.yaml` says."""
    declared = {
        Dimension.REQUESTS: limits.requests_per_minute,
        Dimension.TOKENS: limits.tokens_per_minute,
        Dimension.TOKENS_IN: limits.input_tokens_per_minute,
        Dimension.TOKENS_OUT: limits.output_tokens_per_minute,
    }
    return {d: per_minute / 60.0 for d, per_minute in declared.items() if per_minute is not None}


def rates(page: Page, declared: Limits, now: float) -> dict[Dimension, float]:
    """What is kept to: the lower of what is declared and told, less after a burst of 429s.

    Empty where neither names a limit.
    """
    part = eased(page, now)
    found = {}
    for dimension in Dimension:
        limits = (declared.get(dimension), told(page, dimension, now))
        known = [limit for limit in limits if limit is not None]
        if known:
            found[dimension] = min(known) * part
    return found


def told(page: Page, dimension: Dimension, now: float) -> float | None:
    """The limit the provider told; None where it did not, or long ago."""
    track = page.tracks.get(dimension)
    if track is None or now - track.told_at > TOLD_COUNTS_SECONDS:
        return None
    return track.told


def eased(page: Page, now: float) -> float:
    """The part of the limits that is kept to: after a 429 it creeps up, then faster.

    A twentieth comes back in a little more than a minute, so that a rate that is nearly right is
    not thrown away; everything in less than ten, so that one bad hour is no brake in the next.
    """
    seconds = max(0.0, now - page.eased_at)
    return min(1.0, page.eased + seconds / 2000.0 + (seconds / 600.0) ** 2)


def heard(page: Page, news: News, declared: Limits, now: float) -> tuple[Page, Limits]:
    """The page with the news on it, and what is kept to from now on."""
    page = at_time(page, now)
    before = rates(page, declared, now)
    tracks = dict(page.tracks)
    for dimension, limit in (news.told or {}).items():
        tracks[dimension] = replace(
            tracks.get(dimension, Track(tat=now)), told=limit, told_at=now
        )
    hold = now + news.hold_seconds if news.hold_seconds > 0.0 else 0.0
    page = replace(page, held_until=max(page.held_until, hold), tracks=tracks)
    if news.turned_away:
        page = _turned_away(page, news, before, declared, now)
    return page, rates(page, declared, now)


def _turned_away(page: Page, news: News, before: Limits, declared: Limits, now: float) -> Page:
    """Slower, unless the provider has just said how slow; once for all calls of one burst."""
    gap = max(page.held_until, now) + GAP_SECONDS
    tracks = {d: replace(track, tat=max(track.tat, gap)) for d, track in page.tracks.items()}
    alone = news.turned_away == 1 and now - page.turned_away_at > SUSPICIOUS_SECONDS
    sent_at = now - news.sent_ago
    began = page.turned_away_at if sent_at <= page.turned_away_at else now
    page = replace(page, tracks=tracks, turned_away_at=began)
    after, part = rates(page, declared, now), eased(page, now)
    if any(after[d] < before.get(d, float("inf")) for d in after):
        return replace(page, eased=part, eased_at=now)
    # A process that has not heard yet of a lower rate proves nothing against it.
    kept = news.kept or {}
    behind = any(before[d] < 0.999 * kept.get(d, float("inf")) for d in before)
    if alone or behind or not before or sent_at <= page.eased_at:
        return page
    return replace(page, eased=max(LEAST, part * EASE), eased_at=now)


def at_time(page: Page, now: float) -> Page:
    """The page at `now`: where the clock was set back, everything on it moves back as well."""
    back = page.at - now
    if back <= 0.0:
        return replace(page, at=now)
    return replace(
        page,
        at=now,
        held_until=page.held_until - back,
        turned_away_at=page.turned_away_at - back,
        eased_at=page.eased_at - back,
        tracks={
            d: replace(track, tat=track.tat - back, told_at=track.told_at - back)
            for d, track in page.tracks.items()
        },
        askers={},
    )
