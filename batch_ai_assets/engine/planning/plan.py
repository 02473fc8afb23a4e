"""The plan: every item of the manifest into the store, in its shard or with its end.

Two passes over `raw_inputs`: the survey decides what becomes of each item, then groups are cut
into shards and the items are written; all of it durable before any call.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from .. import failpoints
from ..deadletter.letter import LetterWriter
from ..figures import End
from ..inference.request import RequestTemplate
from ..sealing import Sealer, document_context
from ..spec.resolved import ResolvedJob
from ..state.rows import DeadLetter, ItemRow, Plan, ShardRow
from ..state.store import StateStore
from ..tables import BatchTable, RowReader
from .carried import DECIDED, Carried
from .estimate import Expectation
from .fate import Fate
from .groups import Group, whole_calls
from .shards import Cut, shards_of_groups
from .survey import Candidates, Survey
from .work_plan import work_plan_rows

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1000
_NO_SHARD = -1


class Planner:
    """Plans one version of one batch."""

    def __init__(
        self,
        job: ResolvedJob,
        plan: Plan,
        store: StateStore,
        sealer: Sealer,
        shards: int | None = None,
    ) -> None:
        """`shards`: so many in all, in place of what the job says."""
        self._job = job
        self._plan = plan
        self._store = store
        self._sealer = sealer
        self._letters = LetterWriter(plan, sealer)
        self._forced = shards or job.spec.shards.count
        self._expected = Expectation.of(job, store)
        batches = job.spec.batches
        overlap = batches.window == "snapshot" and batches.cadence != "on_arrival"
        self._carried = Carried(store, plan)
        self.survey = Survey(
            job, plan.batch, store,
            may_skip=plan.mode == "resume",
            claim=not overlap and plan.mode != DECIDED,  # there all keep what they have
            carried=self._carried,
        )  # fmt: skip
        self.shards: list[ShardRow] = []
        self._truncated: Counter[int] = Counter()
        self._divided: Counter[int] = Counter()
        self._calls: dict[int, float] = defaultdict(float)

    @property
    def to_ask(self) -> int:
        return self.survey.counts[Fate.ASK]

    @property
    def fallen_away(self) -> int:
        """Answers of people that this version does not have, as it asks another question."""
        return self._carried.fallen_away

    def run(self, raw: BatchTable) -> None:
        """Write every item of `raw` into the store, each chunk in one transaction.

        The caller marks the version as planned, once its work plan is published too.
        """
        columns = ["item_id", "input_hash", "tokens", "type", "changed_at", "problem_reason"]
        for rows in raw.scan(columns, batch_rows=_CHUNK):
            self.survey.look(candidates(rows))
        cuts = self._cut()
        payloads = RowReader(raw, ["sealed"])
        columns = ["seq", "item_id", "input_hash", "tokens", "priority"]
        columns += ["problem_reason", "problem_message"]
        for rows in raw.scan(columns, batch_rows=_CHUNK):
            self._write(rows, cuts, payloads)
            failpoints.hit("after_manifest")
        self.shards = [
            ShardRow(
                number, group.name, items, load,
                self._truncated[number], self._divided[number], whole_calls(self._calls[number]),
            )
            for group, cut in zip(self.survey.groups, cuts, strict=True)
            for number, items, load in cut.parts()
        ]  # fmt: skip
        self._store.shards.put(self._plan, self.shards)

    def work_plan(self) -> Iterator[pa.RecordBatch]:
        """`work_plan`: a row for each shard, and one for each way of not being asked."""
        return work_plan_rows(
            self._job, self._plan, self.survey, self.shards, self._expected
        )

    def _cut(self) -> list[Cut]:
        """Every group into shards, numbered through the batch."""
        groups = self.survey.groups
        counts = shards_of_groups(
            [group.tokens for group in groups],
            [group.to_ask for group in groups],
            [self._seconds(group) for group in groups],
            self._job.spec.shards.target_minutes * 60.0,
            self._forced,
        )
        firsts = accumulate(counts, initial=0)
        return [
            Cut(group.sizes, count, first)
            for group, count, first in zip(groups, counts, firsts, strict=False)
        ]

    def _seconds(self, group: Group) -> float:
        return self._expected.seconds(group.job, group.calls, group.tokens)

    def _write(self, rows: pa.RecordBatch, cuts: Sequence[Cut], payloads: RowReader) -> None:
        ids, tokens = rows["item_id"].to_pylist(), rows["tokens"].to_pylist()
        inputs = [bytes.fromhex(value) for value in rows["input_hash"].to_pylist()]
        reasons, urgency = rows["problem_reason"].to_pylist(), rows["priority"].to_pylist()
        items: list[ItemRow] = []
        dead: list[tuple[ItemRow, str]] = []
        seqs = rows["seq"].to_pylist()
        kept = self._kept(seqs)
        for index, seq in enumerate(seqs):
            fate, place = Fate(self.survey.fates[seq]), self.survey.places[seq]
            group, end, reason, shard = self.survey.groups[place], End.PENDING, "", _NO_SHARD
            if fate is Fate.ASK:
                shard = cuts[place].take(group.request_tokens(tokens[index]))
                self._truncated[shard] += group.template.cuts(tokens[index])
                self._divided[shard] += group.template.divides(tokens[index])
                self._calls[shard] += group.calls_of(tokens[index])
            elif fate.skipped:
                end, reason = End.SKIPPED, fate.reason
            elif fate is Fate.GIVEN_UP:
                end, reason = End.DISCARDED, fate.reason
            elif fate is Fate.STAYS_DEAD:
                end, reason = End.DEAD, kept[seq].reason
            else:
                end = End.DEAD
                reason = reasons[index] if fate is Fate.PROBLEM else fate.reason
            row = ItemRow(
                seq, ids[index], inputs[index], tokens[index], end.value, reason, shard,
                urgency[index],
            )  # fmt: skip
            items.append(row)
            if end is End.DEAD and seq not in kept:
                told = rows["problem_message"][index].as_py()
                dead.append((row, told or _too_long(group, tokens[index])))
        letters = [*self._dead_letters(dead, payloads), *kept.values()]
        self._store.items.add(self._plan, items, letters)

    def _kept(self, seqs: Sequence[int]) -> dict[int, DeadLetter]:
        """The letters of items that stay dead, as they were written in the version before."""
        stays = [seq for seq in seqs if self.survey.fates[seq] == Fate.STAYS_DEAD]
        before = self._carried.before
        return self._store.letters.whole(before, stays) if before and stays else {}

    def _dead_letters(
        self, dead: Sequence[tuple[ItemRow, str]], payloads: RowReader
    ) -> list[DeadLetter]:
        if not dead:
            return []
        sealed = payloads.take([item.seq for item, _ in dead])["sealed"]
        now = time.time()
        return [
            self._letters.letter(
                seq=item.seq,
                item_id=item.item_id,
                request_hash=self._template_of(item).request_hash(item.input_hash, item.tokens),
                reason=item.reason,
                message=message,
                attempts=0,
                payload=self._sealer.open(
                    sealed[index].as_py(),
                    document_context(self._plan.job, self._plan.batch, item.item_id),
                ),
                answer=None,
                at=now,
            )
            for index, (item, message) in enumerate(dead)
        ]

    def _template_of(self, item: ItemRow) -> RequestTemplate:
        return self.survey.groups[self.survey.places[item.seq]].template


def candidates(rows: pa.RecordBatch) -> Candidates:
    """A chunk of the manifest as the survey takes it."""
    return Candidates(
        rows["item_id"].to_pylist(),
        [bytes.fromhex(value) for value in rows["input_hash"].to_pylist()],
        rows["tokens"].to_pylist(),
        rows["type"].to_pylist(),
        rows["changed_at"].to_pylist(),
        rows["problem_reason"].to_pylist(),
    )


def _too_long(group: Group, tokens: int) -> str:
    room, division = max(group.template.room, 0), group.template.division
    said = (
        f"The document has {tokens:,} tokens; with the prompt and max_tokens, "
        f"{group.job.spec.model.name} has room for {room:,}"
    )
    if division is None:
        remedy = "ask its beginning or its parts (over_length: truncate, or chunk_and_merge)"
    elif division.possible:
        said += f". It would be {division.parts_of(tokens):,} parts, and {division.most:,} may be"
        remedy = "raise chunks.most"
    else:
        said += f", too few for a part that shares {division.overlap:,} with the next one"
        remedy = "lower chunks.overlap_tokens, or shorten the prompt"
    return f"{said}. Shorten it, {remedy}, or use a model with a longer context."
