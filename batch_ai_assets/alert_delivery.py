"""Who is told of alerts: every address of `BATCH_AI_ALERT_URLS`, through Apprise.

At least once: what could not be sent is sent the next time. Alerts themselves are the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ai_assets.engine.state.alerts import KeptAlert
    from batch_ai_assets.engine.state.store import StateStore

MOST_AT_ONCE = 20
"""Alerts sent in one go; the rest follows, so that a hundred batches do not hold up a tick."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of sending."""

    sent: int = 0
    refused: int = 0
    """Alerts that no address, or not every one of them, has taken; they are sent again."""

    @property
    def words(self) -> str:
        if not (self.sent or self.refused):
            return "No alert is waiting to be sent."
        refused = f", {self.refused} refused: sent again at the next tick" if self.refused else ""
        return f"{self.sent} sent{refused}."


def deliver(store: StateStore) -> Delivery:
    """Send what nobody was told of yet; nothing where no address is set. Raises StateError."""
    urls = settings().alert_addresses
    if not urls:
        return Delivery()
    waiting = store.alerts.untold()[:MOST_AT_ONCE]
    sent = 0
    for kept in waiting:
        if send(kept, urls):
            store.alerts.told(kept)
            sent += 1
    return Delivery(sent, len(waiting) - sent)


def send(kept: KeptAlert, urls: Sequence[str]) -> bool:
    """True where every address has taken it."""
    import apprise

    sender = apprise.Apprise()
    if not all(sender.add(url) for url in urls):
        return False
    alert = kept.alert
    resolved = kept.resolved_at is not None
    kinds = {"warning": apprise.NotifyType.WARNING, "error": apprise.NotifyType.FAILURE}
    kind = apprise.NotifyType.SUCCESS if resolved else kinds[alert.severity]
    title = f"Resolved: {alert.title}" if resolved else alert.title
    return bool(sender.notify(body=alert.message, title=title, notify_type=kind))
