"""Room: how many tokens a document may have, beside the prompt and the answer."""

from __future__ import annotations

from ..inference.request import RequestTemplate
from ..spec.resolved import ResolvedJob


def room_tokens(job: ResolvedJob) -> int:
    """Tokens that the model takes of one document; 0 or less where the prompt leaves no room."""
    return RequestTemplate(job).room
