"""Probe: one cheap question to a provider that was away, whether it is there again.

Its list of models, asked once, without the `openai` package, so that a sensor can afford it. What
it says of key and model is no matter here: the next run's look-up judges that (`lookup.py`).
"""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from ..deps import Deps
from ..errors import BatchAIError
from ..spec.resolved import ResolvedJob

SECONDS = 5.0
_LISTS_NONE = 501


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: the key would go along."""

    def redirect_request(self, *_: Any) -> None:
        return None


def answers(job: ResolvedJob, deps: Deps) -> bool:
    """Whether the provider of the job answers. The bundled one is there whenever a run starts
    it."""
    if job.provider.base_url is None:
        return True
    try:
        with deps.open_endpoint(job) as endpoint:
            return _answers(endpoint.base_url, endpoint.api_key)
    except BatchAIError:
        return True  # a key that is gone: the run says so


def _answers(base_url: str, key: str | None) -> bool:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # The provider's file has made sure that it is a web address.
    request = urllib.request.Request(f"{base_url}/models", headers=headers)  # noqa: S310
    opener = urllib.request.build_opener(_StaysHere)
    try:
        with opener.open(request, timeout=SECONDS):
            return True
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code < 500 or refusal.code == _LISTS_NONE
    except (OSError, HTTPException, ValueError):
        return False
