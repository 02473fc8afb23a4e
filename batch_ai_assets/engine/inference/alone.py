"""Alone: pacing without the page that processes share, while the store cannot be reached.

The process keeps to the part of the rate that it had when it last asked, so that all of them
together, alone for the same reason, do not pass it. Pure; the clock is passed in.
"""

from __future__ import annotations

from dataclasses import replace

from ..state.send_slots import Page, Track
from .booking import Grant, Wish, book
from .news import Limits, News
from .rates import heard

UNKNOWN_SHARE = 0.1
"""For a process that never could ask how many share the rate."""


class Alone:
    """A page of one's own. Times are of the process's steady clock."""

    def __init__(self, rates: Limits, share: float, begin: float) -> None:
        """`rates`: what all processes together keep to; nothing is booked before `begin`."""
        self._own = {dimension: share * rate for dimension, rate in rates.items()}
        self._page = Page(tracks={dimension: Track(tat=begin) for dimension in rates})

    def book(self, wish: Wish, now: float) -> Grant:
        """As `booking.book`, of this process's share."""
        self._page, grant = book(self._page, replace(wish, declared=self._own), now)
        return grant

    def hear(self, news: News, now: float) -> None:
        """As `rates.heard`; what was told is for all processes together, and waits."""
        self._page, _ = heard(self._page, replace(news, told=None), self._own, now)
