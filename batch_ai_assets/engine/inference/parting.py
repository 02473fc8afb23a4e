"""Parting: a document that is asked in parts becomes work items, one for each missing answer.

What was answered before serves here as everywhere: the parts that this version has asked, and,
unless it asks afresh, whatever lies in the store under a part's own question. How a text is cut
is `parts.py`'s.
"""

from __future__ import annotations

from ..sealing import Sealer
from ..state.rows import KeptAnswer, Plan, ToDo
from ..state.store import StateStore
from .divided import Divided, KeptPart
from .item import WorkItem
from .request import RequestTemplate


class Parting:
    """Cuts the documents of one batch version. Runs beside the event loop."""

    def __init__(
        self, store: StateStore, plan: Plan, sealer: Sealer, template: RequestTemplate
    ) -> None:
        self._store, self._plan, self._sealer = store, plan, sealer
        self._template = template

    def divided(self, one: ToDo, item_id: str, text: str, request_hash: bytes) -> Divided:
        """The document with every answer that there is."""
        whole = Divided(
            one.seq, item_id, text, request_hash, one.shard, self._template.parts(text)
        )
        for row in self._store.answers.parts(self._plan, one.seq):
            whole.attempt = max(whole.attempt, row.attempt)
            whole.attempts[row.part] = row.attempt
            if row.answer is not None:
                whole.answers[row.part] = self._open(row.answer)
        known = {
            part.input_hash: whole.answers[part.number]
            for part in whole.parts
            if part.number in whole.answers
        }
        if self._plan.mode != "fresh":
            missing = {
                self._template.request_hash(part.input_hash): part.input_hash
                for part in whole.parts
                if part.input_hash not in known
            }
            for found, kept in self._store.answers.kept(list(missing)).items():
                known[missing[found]] = self._open(kept)
        for part in whole.parts:  # equal parts are one question
            if part.input_hash in known:
                whole.answers[part.number] = known[part.input_hash]
        return whole

    def items(self, whole: Divided) -> list[WorkItem]:
        """What has to be asked."""
        return [
            WorkItem(
                whole.seq, whole.item_id, part.text, part.input_hash,
                self._template.request_hash(part.input_hash), part.tokens, whole.shard,
                whole.attempts.get(part.number, 0) + 1, part=part.number, whole=whole,
            )
            for part in whole.parts
            if part.number not in whole.answers
        ]  # fmt: skip

    def _open(self, kept: KeptAnswer) -> KeptPart:
        content = self._sealer.open(kept.sealed, kept.request_hash)
        return KeptPart(content, kept.confidence, kept.tokens_in, kept.tokens_out)
