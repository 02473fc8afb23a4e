"""An alert: what a person is told without having asked, and how it changes while it is open. Pure.

Names, figures and reasons only: never document text, answers or secrets. When there is one is
said in `control/alerts.py`, where it is kept and told in `alerting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Severity = Literal["warning", "error"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong, for as long as it is."""

    kind: str
    """What is wrong, one word: `dead_letters`."""
    severity: Severity
    job: str
    batch: str
    title: str
    """One line."""
    message: str
    """What happened and what to do, for who is woken up."""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def dedup_key(self) -> str:
        """While an alert with this key is open, no second one is opened."""
        return f"{self.kind}/{self.job}/{self.batch}"


class Change(StrEnum):
    """What becomes of an alert."""

    OPEN = "opened"
    TELL_AGAIN = "grew"
    """It is open, and worse than when it was told."""
    RESOLVE = "resolved"
    NOTHING = "nothing"


def change(now: Alert | None, before: Alert | None, figure: str) -> Change:
    """`before`: what is open. It is told again where it became an error, or `figure` grew."""
    if now is None:
        return Change.NOTHING if before is None else Change.RESOLVE
    if before is None:
        return Change.OPEN
    worse = now.severity == "error" and before.severity == "warning"
    grew = now.figures.get(figure, 0.0) > before.figures.get(figure, 0.0)
    return Change.TELL_AGAIN if worse or grew else Change.NOTHING
