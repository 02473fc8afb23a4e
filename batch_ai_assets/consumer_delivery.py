"""Who reads the results is told by webhook when they come late: one POST for each event.

At least once: an event that was not taken is sent again at the next look. What stands in one is
the engine's (`engine/consumers.py`). The address is a secret: no message, log or error repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from batch_ai_assets.engine.errors import BatchAIError, SpecError
from batch_ai_assets.engine.events import log_event
from batch_ai_assets.engine.spec.provider import is_loopback

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.resolved import ResolvedJob
    from batch_ai_assets.engine.state.consumer_events import ConsumerEvent

MOST_AT_ONCE = 5
"""Events sent at one look; the rest follows, so that a slow receiver does not hold up a sensor."""
_TRIES = 2
_TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling consumers."""

    taken: int = 0
    refused: tuple[str, ...] = ()
    """Batches of which an event was not taken; it is sent again."""

    @property
    def lines(self) -> list[str]:
        return [
            f"{name}: its consumer_webhook has not taken the news; it is sent again."
            for name in self.refused
        ]


def tell_consumers(jobs: Mapping[str, ResolvedJob], deps: Deps) -> Told:
    """Send what no webhook has taken yet. Raises StateError."""
    waiting = [
        (event, job.spec.consumer_webhook)
        for event in deps.store.consumer_events.untold()
        if (job := jobs.get(event.job)) is not None and job.spec.consumer_webhook
    ]
    taken, refused = 0, []
    for event, reference in waiting[:MOST_AT_ONCE]:
        if _send(event, reference, deps):
            deps.store.consumer_events.told(event)
            taken += 1
        else:
            refused.append(f"{event.job}/{event.batch}")
    return Told(taken, tuple(refused))


def _send(event: ConsumerEvent, reference: str, deps: Deps) -> bool:
    import tenacity

    try:
        address = checked(deps.open_secret(reference), reference)
        tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_TRIES), wait=tenacity.wait_fixed(0.2), reraise=True
        )(_post, address, orjson.dumps(dict(event.body)))
    except (OSError, ValueError, BatchAIError) as error:
        log_event(
            "consumer_refused", job=event.job, batch=event.batch, kind=event.kind,
            error=_said(error),
        )  # fmt: skip
        return False
    return True


def checked(address: str, reference: str) -> str:
    """The address as it is. Raises SpecError where it would go over the network in the clear."""
    parts = urlsplit(address)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise SpecError(f"What {reference} holds is no https address; write it there.")
    return address


class _Stays(HTTPRedirectHandler):
    """A redirect is no receipt, and might lead away from TLS."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(address: str, body: bytes) -> None:
    """Raises OSError where it was not taken: refused, away, or too slow."""
    headers = {"Content-Type": "application/json"}
    request = Request(address, body, headers, method="POST")  # noqa: S310 - checked: https
    with build_opener(_Stays).open(request, timeout=_TIMEOUT_SECONDS):
        return


def _said(error: Exception) -> str:
    """Without the address."""
    if isinstance(error, BatchAIError):
        return str(error)
    code = getattr(error, "code", None)
    if code is not None:
        return f"HTTP {code}"
    reason = error.reason if isinstance(error, URLError) else error
    return type(reason).__name__
