"""Carried: what the version before and people's decisions say of the items of the next version.

A document that a person gave up stays given up while it is the same, whatever a changed job asks.
An answer that a person accepted or wrote is one to its question: it falls away where that changes.
In a version that is made to carry out decisions, nothing else changes: dead letters that nobody
decided on stay dead, and what was skipped stays skipped.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..figures import End
from ..state.rows import GIVES_UP, Decision, Kind, Plan
from ..state.store import StateStore
from .fate import Fate

DECIDED = "decided"
"""The mode of a version that is made to carry out decisions."""

_SKIPPED = {fate.reason: fate for fate in Fate if fate.skipped}


class Carried:
    """What is carried over into one version of a batch."""

    def __init__(self, store: StateStore, plan: Plan) -> None:
        self.before = store.batches.finished_before(plan)
        """The version that was looked at; None for the first one."""
        self._fresh = plan.mode == "fresh"
        self._given_up: Mapping[tuple[str, bytes], Decision] = {}
        self._fates: dict[int, Fate] = {}
        self._answered: dict[tuple[str, bytes], bytes] = {}
        self._still_answered = 0
        if self.before is None:
            return
        decisions = store.decisions.of(plan.job, plan.batch)
        last = {(one.item_id, one.input_hash): one for one in decisions}
        self._given_up = {key: one for key, one in last.items() if one.kind in GIVES_UP}
        self._answered = {
            key: one.request_hash
            for key, one in last.items()
            if one.version == self.before.version and one.kind in (Kind.ACCEPT, Kind.CORRECT)
        }
        if plan.mode == DECIDED:
            asked_again = {
                one.seq
                for one in decisions
                if one.version == self.before.version and one.kind is Kind.REPLAY
            }
            self._keep_ends(store, self.before, asked_again)

    def _keep_ends(self, store: StateStore, before: Plan, asked_again: set[int]) -> None:
        for items in store.items.ends(before):
            for item in items:
                if item.end == End.DEAD and item.seq not in asked_again:
                    self._fates[item.seq] = Fate.STAYS_DEAD
                elif item.end == End.SKIPPED:
                    self._fates[item.seq] = _SKIPPED[item.reason]

    @property
    def fallen_away(self) -> int:
        """Answers that people accepted or corrected in the version before, and that do not answer
        what is asked now. Known once every item was asked for its fate."""
        return len(self._answered) - self._still_answered

    def fate(
        self, seq: int, item_id: str, input_hash: bytes, request_hash: bytes
    ) -> Fate | None:
        """What is decided already; None where the survey decides. Once for each item."""
        document = (item_id, input_hash)
        if not self._fresh and self._answered.get(document) == request_hash:
            self._still_answered += 1
        given_up = self._given_up.get(document)
        if given_up is not None and not (self._fresh and given_up.kind is Kind.REJECT):
            return Fate.GIVEN_UP
        return self._fates.get(seq)
