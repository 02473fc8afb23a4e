"""Leases: a batch is held by one run at a time (heartbeat 5 s, 20 s to live).

A run keeps its lease from stage to stage and gives it back at its end; a run that died loses it
when it runs out, at once where its process is seen to be gone. The fence counts takers, so that
late work of a dead one can be told apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ..errors import LeaseHeldError, StateError
from ..events import log_event
from . import tables as t
from .database import Database
from .process_mark import is_dead, own_mark
from .rows import Plan

LIFETIME_SECONDS = 20.0
HEARTBEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a batch, and until when (UTC seconds)."""

    job: str
    batch: str
    run_id: str
    holder: str
    process: str
    """Mark of the holding process (`process_mark.py`); empty where unknown."""
    fence: int
    acquired_at: float
    expires_at: float


class Leases:
    """Rows of `leases`."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._db = database
        self._clock = clock
        self._sleep = sleep

    def holder(self, job: str, batch: str) -> Lease | None:
        """The living lease of the batch, if any."""
        lease = self.last(job, batch)
        return lease if lease is not None and self._lives(lease) else None

    def last(self, job: str, batch: str) -> Lease | None:
        """The lease of whoever held the batch last, living or not; None where nobody did."""
        with self._db.read() as connection:
            row = connection.execute(
                sa.select(t.leases).where(t.leases.c.job == job, t.leases.c.batch == batch)
            ).mappings().first()
        return None if row is None else Lease(**row)

    def seen_alive(self, job: str, batch: str) -> float:
        """When a run of the batch last renewed its lease; 0.0 where none ever did, or it gave it
        back."""
        lease = self.last(job, batch)
        return 0.0 if lease is None else max(0.0, lease.expires_at - LIFETIME_SECONDS)

    def take(self, job: str, batch: str, run_id: str, holder: str) -> Lease:
        """Hold the batch; wait one lifetime where another run does, then LeaseHeldError."""
        deadline: float | None = None
        while True:
            lease = self._try(job, batch, run_id, holder)
            if lease.run_id == run_id:
                return lease
            if deadline is None:
                deadline = self._clock() + LIFETIME_SECONDS + 1.0
                log_event(
                    "waiting_for_lease",
                    job=job, batch=batch, run_id=run_id, held_by=lease.holder,
                    seconds=LIFETIME_SECONDS,
                )  # fmt: skip
            if self._clock() >= deadline:
                since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(lease.acquired_at))
                raise LeaseHeldError(
                    f"Batch {job}/{batch} is held by run {lease.run_id} ({lease.holder}) since "
                    f"{since}. Wait for it to end, or stop that run; nothing was done here."
                )
            self._sleep(0.5)

    def _try(self, job: str, batch: str, run_id: str, holder: str) -> Lease:
        """Take the lease if it is free or ours; either way, the lease as it is now."""

        def work(connection: sa.Connection) -> Lease:
            now = self._clock()
            key = sa.and_(t.leases.c.job == job, t.leases.c.batch == batch)
            row = connection.execute(sa.select(t.leases).where(key)).mappings().first()
            if row is not None and row["run_id"] != run_id and self._lives(Lease(**row)):
                return Lease(**row)
            ours = row is not None and row["run_id"] == run_id
            lease = Lease(
                job=job,
                batch=batch,
                run_id=run_id,
                holder=holder,
                process=own_mark(),
                fence=(row["fence"] if row else 0) + (0 if ours else 1),
                acquired_at=row["acquired_at"] if row and ours else now,
                expires_at=now + LIFETIME_SECONDS,
            )
            values = {name: getattr(lease, name) for name in Lease.__dataclass_fields__}
            if row is None:
                connection.execute(sa.insert(t.leases).values(values))
            else:
                connection.execute(sa.update(t.leases).where(key).values(values))
            return lease

        return self._db.run(work)

    def _lives(self, lease: Lease) -> bool:
        return lives(lease, self._clock())

    def _renew(self, lease: Lease) -> bool:
        """Let `lease` live on; False where another run has taken the batch since."""
        renewed = self._db.run(
            lambda connection: connection.execute(
                sa.update(t.leases)
                .where(
                    t.leases.c.job == lease.job,
                    t.leases.c.batch == lease.batch,
                    t.leases.c.run_id == lease.run_id,
                    t.leases.c.fence == lease.fence,
                )
                .values(expires_at=self._clock() + LIFETIME_SECONDS)
            )
        )
        return renewed.rowcount == 1

    def release(self, job: str, batch: str, run_id: str) -> None:
        """Give the batch back, where this run holds it."""
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.leases)
                .where(
                    t.leases.c.job == job, t.leases.c.batch == batch, t.leases.c.run_id == run_id
                )
                .values(expires_at=0.0)
            )
        )

    @contextmanager
    def kept(self, job: str, batch: str, run_id: str, holder: str) -> Iterator[Lease]:
        """Hold the batch while the block runs, with a heartbeat; does not release it after."""
        lease = self.take(job, batch, run_id, holder)
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT_SECONDS):
                try:
                    if not self._renew(lease):
                        return  # another run took the batch: this one must not take it back
                except StateError:
                    continue  # the writer meets the same trouble and stops the batch

        thread = threading.Thread(target=beat, name=f"lease-{job}-{batch}", daemon=True)
        thread.start()
        try:
            yield lease
        finally:
            stop.set()
            thread.join()


def lives(lease: Lease, now: float) -> bool:
    """Whether its run still works: the lease was renewed in time, and its process is there."""
    return lease.expires_at > now and not is_dead(lease.process)


# Asked in every commit, and so made once: making it costs more than the search.
_HOLDER = sa.select(t.leases.c.run_id).where(
    t.leases.c.job == sa.bindparam("job"), t.leases.c.batch == sa.bindparam("batch")
)


def prove_held(connection: sa.Connection, plan: Plan, run_id: str) -> None:
    """LeaseHeldError where another run took the batch, in the transaction of what is written.

    A run that was suspended for longer than its lease lives wakes up here and stops.
    """
    holder = connection.scalar(_HOLDER, {"job": plan.job, "batch": plan.batch})
    if holder != run_id:
        raise LeaseHeldError(
            f"Batch {plan.job}/{plan.batch} was taken over by run {holder or '(nobody)'} while "
            f"run {run_id} was away. This run stops; the other goes on from the last commit."
        )
