"""Inbox: where the files of a job on arrival lie, and the steps from there to a claimed batch.

List what is there, write down what is new, decide, claim: each step is durable before the next,
so that a crash between two of them loses nothing and repeats nothing. The words of the decision
are in `engine/control/trigger.py`; asking Dagster for a run is `arrival_sensor.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from .. import failpoints
from ..control.trigger import Decision, Signals, counted, decide, last_due, next_due
from ..errors import IntakeError, UnknownBatchError
from ..events import log_event
from ..spec.resolved import ResolvedJob
from ..state.arrivals import ClaimedFiles
from ..state.store import StateStore
from .access import access_to
from .arrivals import fingerprint, mark_of, new_arrivals, pages
from .left_alone import LeftAlone
from .location import CLOCKS_APART, InputLocation, resolve_location
from .retry import Retry

BUDGET_SECONDS = 20.0
"""For listing in one tick; Dagster cuts a tick off after 60."""
MOST_BATCHES = 20
"""Claimed in one tick; what is left waiting is claimed in the next."""
GRACE_SECONDS = 60.0
"""Who claims by hand starts the run at once: that long nobody else offers the batch."""
_WATCHED = "calendar watched"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a listing has come that takes more than one tick. What is new it does not say."""

    after: str = ""
    """The key of the last file; empty: a new listing begins."""
    began: float = 0.0
    """When the listing began."""

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """A cursor that is none begins anew: nothing depends on it but time."""
        try:
            after, began = orjson.loads(text or "")
            return cls(str(after), float(began))
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        return orjson.dumps([self.after, self.began]).decode() if self.after else ""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look at the inbox came to."""

    claimed: tuple[ClaimedFiles, ...]
    said: str
    """Why, or what is missing."""
    cursor: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What listing has come to."""

    cursor: Cursor
    new: int
    left: LeftAlone
    """Files that are left alone this time."""
    trouble: str = ""

    @property
    def complete(self) -> bool:
        return not self.cursor.after and not self.trouble


def has_inbox(job: ResolvedJob) -> bool:
    """Whether batches of the job are made of what arrives; those of a chain are its head's."""
    return job.spec.batches.cadence == "on_arrival" and job.spec.input.kind == "path"


class Inbox:
    """The inbox of one job."""

    def __init__(
        self,
        job: ResolvedJob,
        store: StateStore,
        home: Path,
        clock: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        assert job.spec.batches.arrival is not None
        self._job = job
        self._store = store
        self._home = home
        self._clock = clock
        self._stopwatch = stopwatch
        self._retry = Retry(sleep)
        self._spec = job.spec.batches.arrival
        self._settle = job.spec.input.settle_seconds(on_arrival=True)

    def tick(self, cursor: str | None = None, budget_seconds: float = BUDGET_SECONDS) -> Tick:
        """One look: list, write down, decide, claim. Raises StateError."""
        listed = self.record(Cursor.parse(cursor), budget_seconds)
        claimed: list[ClaimedFiles] = []
        said: list[str] = []
        decision = self._decided(listed)
        while decision.fires and len(claimed) < MOST_BATCHES:
            found = self._claim(decision)
            if found is None:
                break
            claimed.append(found)
            said.append(_claimed(found, decision.why))
            decision = self._decided(listed)
        if decision.occasion and not decision.fires and not claimed:
            self._claim(decision)  # nothing waits: obeyed all the same
        said += [decision.why, *self._remarks(listed)]
        return Tick(tuple(claimed), " ".join(said), str(listed.cursor))

    def claim_now(self, batch: str | None = None) -> ClaimedFiles | None:
        """A batch of what is there now, whatever the thresholds say; None: nothing is waiting.

        batch: its key; else what it holds names it. Raises IntakeError, StateError.
        """
        listed = self.record(Cursor(), float("inf"))
        if listed.trouble:
            raise IntakeError(listed.trouble)
        self._tell(listed.left, batch)
        return self._claim(Decision(True, "asked for by hand"), batch)

    def sources(self, batch: str, *, claim: bool = True) -> list[str]:
        """The files of a batch, by key. One that was named by hand claims what is there now.

        claim: False only looks, and writes nothing. Raises IntakeError, StateError.
        """
        held = self._store.arrivals.of(self._job.name, batch)
        if held:
            return held
        if not claim:
            left = LeftAlone()
            held = list(self._unclaimed(left))
            self._tell(left, batch)
            return held
        self.claim_now(batch)
        held = self._store.arrivals.of(self._job.name, batch)
        if not held:
            self.check_name(batch)
        return held

    def check_name(self, batch: str) -> None:
        """Raise UnknownBatchError where nobody made the batch and nothing is there to make it of.

        Nothing is written. Raises IntakeError where the inbox cannot be listed.
        """
        name, left = self._job.name, LeftAlone()
        store = self._store
        if store.arrivals.of(name, batch) or store.batches.latest_plan(name, batch) is not None:
            return
        if next(self._unclaimed(left), None) is not None:
            return
        said = " ".join(left.words(self._job.spec.input, on_arrival=True))
        raise UnknownBatchError(
            f"{name} has no batch {batch}, and nothing is waiting that it could be made of."
            f"{said and ' '}{said} `batch-ai status {name}` shows its batches; what arrives in"
            f" {self._location(self._clock()).root} is taken by `batch-ai run {name}`"
        )

    def _unclaimed(self, left: LeftAlone) -> Iterator[str]:
        """The files that no batch holds, by key; nothing is written. Raises IntakeError."""
        location = self._location(self._clock())
        for page in pages(
            location, access_to(location.root), self._retry, without=self._flag_path()
        ):
            keys = [file.key for file in page.files]
            held = self._store.arrivals.claimed(self._job.name, keys)
            left.join(page.left)
            for file in page.files:
                if (file.key, fingerprint(file)) not in held:
                    yield file.key

    def _tell(self, left: LeftAlone, batch: str | None) -> None:
        if left.counts:
            log_event(
                "input_left_alone", job=self._job.name, batch=batch or "",
                unsettled=left.counts["settle"], unmarked=left.counts["mark"],
            )  # fmt: skip

    def offered(self) -> list[str]:
        """Claimed batches that no run has taken up, the oldest first.

        Those of the last moments are left out: who claimed them is about to start them.
        """
        return self._store.arrivals.unstarted(self._job.name, self._clock() - GRACE_SECONDS)

    def record(self, cursor: Cursor, budget_seconds: float) -> Listed:
        """Write down what is new behind the cursor, as far as the time goes."""
        stop = self._stopwatch() + budget_seconds
        began = cursor.began if cursor.after else self._clock()
        after, new, left = cursor.after, 0, LeftAlone()
        try:
            location = self._location(began)
            access = access_to(location.root)
            for page in pages(location, access, self._retry, after, without=self._flag_path()):
                found, after = new_arrivals(
                    page, self._job.name, self._job.spec.input, self._store.arrivals, access,
                    lambda: self._stopwatch() > stop,
                )  # fmt: skip
                new += self._store.arrivals.record(self._job.name, found) if found else 0
                left.join(page.left)
                if self._stopwatch() > stop:
                    return Listed(Cursor(after, began), new, left)
        except IntakeError as error:
            return Listed(Cursor(after, began), new, left, str(error))
        return Listed(Cursor("", began), new, left)

    def _location(self, now: float) -> InputLocation:
        return resolve_location(self._job, "arrival", self._home, now=now)

    def _claim(self, decision: Decision, batch: str | None = None) -> ClaimedFiles | None:
        found = self._store.arrivals.claim(
            self._job.name, self._spec.most_items, occasion=decision.occasion, batch=batch
        )
        if found is not None:
            failpoints.hit("after_claim")
            log_event(
                "batch_claimed",
                job=self._job.name, batch=found.batch, files=found.files, items=found.items,
                bytes=found.bytes, why=decision.why,
            )  # fmt: skip
        return found

    def _decided(self, listed: Listed) -> Decision:
        waiting = self._store.arrivals.waiting(self._job.name)
        # A signal says that all has been delivered: it counts once all has been seen.
        signals = self._signals(listed.cursor.began) if listed.complete else Signals()
        return decide(waiting, self._job.spec.batches, self._clock(), signals)

    def _signals(self, began: float) -> Signals:
        """Signals that nobody has obeyed, as of a listing that began at this instant.

        What was delivered together with a signal settles by the time that the signal does.
        """
        return Signals(self._new_flag(began), self._new_day(began))

    def _new_flag(self, began: float) -> str | None:
        path = self._flag_path()
        if path is None:
            return None
        try:
            status = self._retry(partial(access_to(path).stat, path))
        except (OSError, IntakeError):
            return None  # not there, or not to be seen just now
        occasion = f"flag:{self._spec.flag}:{mark_of(status.st_size, status.st_mtime)}"
        return self._unless_obeyed(occasion, status.st_mtime, began)

    def _new_day(self, began: float) -> str | None:
        job = self._job
        if not job.calendar:
            return None
        since = self._store.arrivals.first_at(job.name, _WATCHED)
        due = last_due(job.calendar, job.spec.batches, self._clock())
        if due is None or due[1] < since:
            return None  # days before anybody watched are no days that were missed
        return self._unless_obeyed(f"calendar:{due[0]}", due[1], began)

    def _unless_obeyed(self, occasion: str, came: float, began: float) -> str | None:
        """The occasion, once it has settled and what came with it has been listed."""
        unsettled = 0 <= came - (began - self._settle) < CLOCKS_APART
        if unsettled or self._store.arrivals.obeyed_at(self._job.name, occasion) is not None:
            return None
        return occasion

    def _flag_path(self) -> str | None:
        if self._spec.flag is None:
            return None
        flag = self._spec.flag.replace("{home}", str(self._home.absolute()))
        if "://" in flag:
            return flag
        return os.path.abspath(os.path.join(self._job.folder, flag))  # noqa: PTH100, PTH118

    def _remarks(self, listed: Listed) -> Iterator[str]:
        if listed.trouble:
            yield f"Listing failed: {listed.trouble}."
        elif not listed.complete:
            yield "Listing goes on in the next tick."
        yield from listed.left.words(self._job.spec.input, on_arrival=True)
        if self._job.calendar:
            day = next_due(self._job.calendar, self._job.spec.batches, self._clock())
            yield f"Next day of the calendar: {day or 'none'}."


def _claimed(one: ClaimedFiles, why: str) -> str:
    amount = f"{counted(one.items, 'item')} in {counted(one.files, 'file')}"
    return f"Claimed {one.batch}: {amount} ({why})."
