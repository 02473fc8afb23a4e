"""Writer: one thread that commits what the workers finish, in groups (promises 2 and 3).

An answer, its checkpoint and its money row are one transaction. Workers hand entries over and go
on; a crash loses at most what is queued here, which `interval_seconds` and `full` keep small.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .. import failpoints
from ..errors import BatchAIError, StateError
from ..figures import End
from ..sealing import Sealer
from . import tables as t
from .answers import answer_id, hash_key, writer_bits
from .database import Database
from .funds import Bound, Drawn
from .items import replace_letters
from .leases import prove_held
from .rows import DeadLetter, Plan, Status
from .till import Till


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What one attempt at one item came to.

    A struct, like all that is made anew for every call: a frozen dataclass costs ten times as much.
    """

    seq: int
    shard: int
    attempt: int
    """From 1, or from -1 downwards (see Status). The store refuses a second entry for one."""
    worker: str
    """`<run id>/<number>`."""
    status: Status
    request_hash: bytes
    at: float
    content: bytes | None = None
    """The answer's JSON, sealed on the way in; where `status` is ANSWERED, PART or MERGED."""
    answer_id: int | None = None
    """The stored answer, where `status` is FROM_STORE."""
    confidence: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`, those that the provider had in its prompt cache."""
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    """What the cached tokens cost less than others; `cost_usd` is without it."""
    money: str | None = None
    """`settled` (by usage), `written_off` (upper bound of a call without an answer) or None."""
    letter: DeadLetter | None = None
    """Ends the item dead in the same transaction."""
    part: int = 0
    """Which part of the item was asked, from 1; 0: all of it."""
    place: int = 0
    """Its place in the request; the items at 0 are as many as the requests."""


INTERVAL_SECONDS = 0.1
"""Pause between commits: what is answered meanwhile is at risk, and shares one sync to disk. Nobody
who waits for a commit waits for the pause."""
_STALLED_SECONDS = 0.5
_TRIES = 5
"""To commit a group, where ids of answers are taken."""
_MOST_PER_COMMIT = 1000
"""Answers of shared requests come by the thousand: none should wait at risk for all the others."""


class Writer:
    """Group commit for one batch version. `put` never blocks; look at `full` and `error`.

    With a `run_id`, every commit proves that this run still holds the batch. With a `till`, every
    commit draws money for what comes next.
    """

    def __init__(
        self,
        database: Database,
        plan: Plan,
        sealer: Sealer,
        *,
        run_id: str | None = None,
        till: Till | None = None,
        interval_seconds: float = INTERVAL_SECONDS,
        capacity: int = 4096,
    ) -> None:
        self._db = database
        self._plan = plan
        self._sealer = sealer
        self._run_id = run_id
        self._till = till
        self._draws_now = False
        self._interval = interval_seconds
        self._capacity = capacity
        self._queue: deque[Entry] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Condition()
        self._unsettled = 0
        self._committing_since: float | None = None
        self._refused = False
        self._closing = False
        self._last_id = 0
        self._bits = writer_bits()
        self.error: BatchAIError | None = None
        self.committed = 0
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Take no more work until this is false: the store does not keep up, or is away.

        A commit that was refused or hangs counts as full: every further answer would be at risk.
        """
        since = self._committing_since
        stalled = since is not None and time.monotonic() - since > _STALLED_SECONDS
        return stalled or self._refused or len(self._queue) >= self._capacity

    def put(self, entry: Entry) -> None:
        self._queue.append(entry)
        if not self._wake.is_set():
            self._wake.set()

    def draw(self) -> None:
        """Draw money at once: somebody waits for it."""
        self._draws_now = True
        self._hurry.set()
        self._wake.set()

    def flush(self) -> None:
        """Wait until everything handed over is committed. Raises what the writer met."""
        self._hurry.set()
        with self._idle:
            self._idle.wait_for(lambda: self.error or not (self._queue or self._unsettled))
        if self.error:
            raise self.error

    def close(self) -> None:
        """Commit what is left and stop the thread. Never raises; look at `error`."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._hurry.wait(self._interval)
            self._hurry.clear()
            self._wake.clear()
            left = len(self._queue)  # what comes meanwhile waits for the next time
            if self._draws_now and not left:
                self._drain(0)
            while left > 0 and not self.error:
                left -= self._drain(min(left, _MOST_PER_COMMIT))
            if self.error or (self._closing and not self._queue):
                return

    def _drain(self, count: int) -> int:
        """Commit the next `count` entries."""
        self._unsettled = 1
        self._draws_now = False
        self._committing_since = time.monotonic()
        group = [self._queue.popleft() for _ in range(count)]
        try:
            self._commit(group)
            self.committed += count
        except BatchAIError as error:
            self.error = error
        except Exception as defect:  # unsaid, it would end the thread and leave flush() waiting
            self.error = StateError(
                f"A defect kept {len(group):,} finished calls from being committed "
                f"({type(defect).__name__}: see the cause below). Report it; they are asked again."
            )
            self.error.__cause__ = defect
        finally:
            with self._idle:
                self._unsettled = 0
                self._committing_since = None
                self._idle.notify_all()
            if self.error and self._till is not None:
                self._till.spender.wake()
        return count

    def _commit(self, group: Sequence[Entry]) -> None:
        sealed = self._sealed(group)
        for tries_left in reversed(range(_TRIES)):
            try:
                self._commit_as(group, iter(sealed))
                return
            except StateError as error:
                if not (tries_left and isinstance(error.__cause__, IntegrityError)):
                    raise
                self._bits = writer_bits()  # another writer had the same, at the same moment

    def _commit_as(self, group: Sequence[Entry], sealed: Iterator[bytes]) -> None:
        plan = self._plan.plan_id
        answers: list[tuple[object, ...]] = []
        checkpoints: list[tuple[object, ...]] = []
        ledger: list[tuple[object, ...]] = []
        letters: list[DeadLetter] = []
        spent_usd, spent_tokens = 0.0, 0
        ids = self._ids()
        for entry in group:
            answer = entry.answer_id
            if entry.content is not None:
                answer = next(ids)
                answers.append(_answer_row(entry, answer, next(sealed)))
            where = "dead_letters" if entry.letter else "answers" if answer else ""
            checkpoints.append(
                (
                    plan, entry.seq, entry.part, entry.attempt, entry.place, entry.shard,
                    entry.worker, entry.status.value, entry.request_hash, answer, where,
                    entry.at,
                )
            )  # fmt: skip
            if entry.money:
                spent_usd += entry.cost_usd
                spent_tokens += entry.tokens_in + entry.tokens_out
                ledger.append(
                    (
                        plan, entry.seq, entry.part, entry.attempt, entry.money,
                        entry.tokens_in, entry.tokens_out, entry.tokens_cached,
                        entry.cost_usd, entry.saved_usd, entry.at,
                    )
                )  # fmt: skip
            if entry.letter:
                letters.append(entry.letter)
        failpoints.hit("after_answer")

        till, settled = self._till, Bound(spent_usd, spent_tokens)
        wish = till.spender.wish() if till is not None else settled

        def work(connection: sa.Connection) -> Drawn | None:
            if self._run_id is not None:
                prove_held(connection, self._plan, self._run_id)
            self._db.insert(connection, t.answers, answers)
            self._db.insert(connection, t.checkpoints, checkpoints)
            self._db.insert(connection, t.ledger, ledger)
            self._end_dead(connection, letters)
            return None if till is None else till.draw(connection, settled, wish)

        drawn = self._db.run(work, self._note_refusal)
        self._refused = False
        if till is not None and drawn is not None:
            till.spender.grant(drawn)
        failpoints.hit("after_commit")

    def _note_refusal(self) -> None:
        self._refused = True

    def _sealed(self, group: Sequence[Entry]) -> list[bytes]:
        """The answers of `group`, sealed, in its order."""
        found = [(e.content, e.request_hash) for e in group if e.content is not None]
        return self._sealer.seal_all([one[0] for one in found], [one[1] for one in found])

    def _end_dead(self, connection: sa.Connection, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            connection.execute(
                sa.update(t.items)
                .where(t.items.c.plan_id == self._plan.plan_id, t.items.c.seq == letter.seq)
                .values(end=End.DEAD, reason=letter.reason)
            )
        replace_letters(self._db, connection, self._plan, letters)

    def _ids(self) -> Iterator[int]:
        """Ids that rise with time (appended, not scattered) and differ between writers."""
        first = max(self._last_id + 1, time.time_ns() // 1000)
        for self._last_id in count(first):
            yield answer_id(self._last_id, self._bits)


def _answer_row(entry: Entry, number: int, sealed: bytes) -> tuple[object, ...]:
    return (
        number, hash_key(entry.request_hash), entry.request_hash, sealed,
        entry.confidence, entry.tokens_in, entry.tokens_out, entry.cost_usd, entry.at,
    )  # fmt: skip
