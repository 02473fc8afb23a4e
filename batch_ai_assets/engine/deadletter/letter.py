"""Making a dead letter: what happened to the item, and its payload, sealed."""

from __future__ import annotations

from ..sealing import Sealer, document_context
from ..state.rows import DeadLetter, Plan

_LONGEST_MESSAGE = 2000


class LetterWriter:
    """Makes the dead letters of one batch version."""

    def __init__(self, plan: Plan, sealer: Sealer) -> None:
        self._plan = plan
        self._sealer = sealer

    def letter(
        self,
        *,
        seq: int,
        item_id: str,
        request_hash: bytes,
        reason: str,
        message: str,
        attempts: int,
        payload: bytes,
        answer: bytes | None,
        at: float,
    ) -> DeadLetter:
        """A dead letter. `payload` is the document, `answer` the raw answer; both get sealed."""
        context = document_context(self._plan.job, self._plan.batch, item_id)
        return DeadLetter(
            seq=seq,
            item_id=item_id,
            request_hash=request_hash,
            reason=reason,
            message=message[:_LONGEST_MESSAGE],
            attempts=attempts,
            sealed_payload=self._sealer.seal(payload, context),
            sealed_answer=None if answer is None else self._sealer.seal(answer, context),
            at=at,
        )
