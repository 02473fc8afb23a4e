"""The inbox of a job on arrival: what arrives is claimed once, whenever it is looked at."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import IntakeError, UnknownBatchError
from batch_ai_assets.engine.intake.inbox import MOST_BATCHES, Cursor, Inbox, Tick
from batch_ai_assets.engine.state.store import StateStore

from .jobs import job_for

START = 1_800_000_000.0
SETTLE = 31.0
"""Longer than a file is left alone after it was written."""


class Death(BaseException):
    """What no error handling of the engine sees."""


@dataclass
class Scene:
    """An inbox below `folder`, its state store, and a clock that the test moves."""

    folder: Path
    arrival: dict[str, Any]
    format: str = "jsonl"
    more: dict[str, Any] = field(default_factory=dict)
    calendar: tuple[str, ...] = ()
    now: float = START
    """Of the inbox and of its files alike."""

    def __post_init__(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.store = StateStore.open(f"sqlite:///{self.folder}/state.sqlite", 0.2)
        self.store.arrivals._clock = lambda: self.now

    @property
    def root(self) -> Path:
        return self.folder / "inbox"

    def inbox(self, stopwatch: Callable[[], float] = lambda: 0.0) -> Inbox:
        batches = {"cadence": "on_arrival", "arrival": self.arrival, **self.more.get("batches", {})}
        given = {"format": self.format, **self.more.get("input", {})}
        job = job_for(self.folder, batches=batches, **given)
        job = job.model_copy(update={"calendar": self.calendar})
        return Inbox(job, self.store, self.folder / "home", lambda: self.now, stopwatch)

    def drop(self, name: str, rows: int = 10, age: float = SETTLE) -> Path:
        """A file that was written `age` seconds ago."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps({"id": f"{name}-{row}", "text": "Hello."}) for row in range(rows))
        path.write_text("".join(line + "\n" for line in lines))
        os.utime(path, (self.now - age, self.now - age))
        return path

    def batches(self) -> dict[str, list[str]]:
        """Claimed files, by batch."""
        names = self.store.arrivals.unstarted("orders", float("inf"))
        return {batch: self.store.arrivals.of("orders", batch) for batch in names}

    def claimed(self) -> list[str]:
        return [name for names in self.batches().values() for name in names]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(arrival: dict[str, Any], **given: Any) -> Scene:
        made.append(Scene(tmp_path, arrival, **given))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


Make = Callable[..., Scene]


def test_enough_files_become_one_batch_and_the_next_look_finds_nothing_new(scene: Make) -> None:
    here = scene({"items": 25})
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        here.drop(name)

    first = here.inbox().tick()
    second = here.inbox().tick(first.cursor)

    assert [(one.files, one.items) for one in first.claimed] == [(3, 30)]
    assert f"Claimed {first.claimed[0].batch}: 30 items in 3 files (30 of 25 items)." in first.said
    assert second.claimed == ()
    assert second.said == "Nothing is waiting."
    assert here.claimed() == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_too_few_wait_until_the_oldest_is_old_enough(scene: Make) -> None:
    here = scene({"items": 25, "age": "10m"})
    here.drop("a.jsonl")

    early = here.inbox().tick()
    here.now += 600
    late = here.inbox().tick()

    assert early.claimed == ()
    assert early.said == (
        "10 items in 1 file waiting. Not enough: 10 of 25 items; the oldest has waited"
        " 0 s of 10 min."
    )
    assert [one.items for one in late.claimed] == [10]


def test_a_late_file_with_an_early_name_is_in_the_next_batch(scene: Make) -> None:
    here = scene({"items": 10})
    here.drop("m.jsonl")
    first = here.inbox().tick()
    here.drop("a.jsonl")

    here.inbox().tick(first.cursor)

    assert sorted(here.batches().values()) == [["a.jsonl"], ["m.jsonl"]]


def test_a_file_that_is_still_being_written_is_left_alone_and_counted(scene: Make) -> None:
    here = scene({"items": 10})
    here.drop("a.jsonl", age=0)

    early = here.inbox().tick()
    here.now += SETTLE
    late = here.inbox().tick()

    assert early.claimed == ()
    assert (
        "1 file is still being written (changed less than 30 s ago): 'a.jsonl'." in early.said
    )
    assert len(late.claimed) == 1


def test_files_of_a_folder_without_its_mark_are_left_alone(scene: Make) -> None:
    here = scene({"items": 1}, more={"input": {"mark": "_SUCCESS"}})
    here.drop("done/a.jsonl")
    here.drop("open/b.jsonl")
    (here.root / "done" / "_SUCCESS").touch()
    here.drop("open/c.jsonl")

    tick = here.inbox().tick()

    assert (
        "2 files lie in folders without the mark '_SUCCESS', the first: 'open/b.jsonl'."
        in tick.said
    )

    assert here.claimed() == ["done/a.jsonl"]


def test_a_file_that_grows_while_it_waits_counts_with_all_of_it(scene: Make) -> None:
    here = scene({"items": 25})
    here.drop("a.jsonl", 10)
    here.inbox().tick()
    here.drop("a.jsonl", 40)

    tick = here.inbox().tick()

    assert [one.items for one in tick.claimed] == [40]
    assert here.claimed() == ["a.jsonl"]


def test_a_file_that_changed_after_it_was_claimed_arrives_again(scene: Make) -> None:
    here = scene({"items": 10})
    here.drop("a.jsonl")
    here.inbox().tick()
    here.now += 60
    here.drop("a.jsonl", 11)

    here.inbox().tick()

    assert list(here.batches().values()) == [["a.jsonl"], ["a.jsonl"]]


def test_no_batch_is_larger_than_the_job_says(scene: Make) -> None:
    here = scene({"items": 10, "most_items": 20})
    for number in range(5):
        here.drop(f"{number}.jsonl")

    tick = here.inbox().tick()

    assert [one.items for one in tick.claimed] == [20, 20, 10]


def test_one_look_claims_a_bounded_number_of_batches_and_the_next_goes_on(scene: Make) -> None:
    here = scene({"items": 1, "most_items": 1}, format="text")
    for number in range(MOST_BATCHES + 3):
        here.drop(f"{number:02}.txt")

    first, second = here.inbox().tick(), here.inbox().tick()

    assert (len(first.claimed), len(second.claimed)) == (MOST_BATCHES, 3)


def test_a_flag_takes_all_that_was_delivered_before_it_and_is_obeyed_once(scene: Make) -> None:
    here = scene({"items": 1000, "flag": "inbox/READY"})
    here.drop("a.jsonl")
    assert here.inbox().tick().claimed == ()
    here.drop("b.jsonl", age=1)
    here.drop("READY", age=0)

    settling = here.inbox().tick()
    here.now += SETTLE
    obeyed = here.inbox().tick()
    here.drop("c.jsonl")
    after = here.inbox().tick()

    assert settling.claimed == ()
    assert [one.files for one in obeyed.claimed] == [2]
    assert here.claimed() == ["a.jsonl", "b.jsonl"]  # the flag itself is no document
    assert after.claimed == ()


def test_a_flag_that_is_set_again_is_another_one(scene: Make) -> None:
    here = scene({"flag": "READY"})
    here.drop("a.jsonl")
    here.drop("../READY")
    here.inbox().tick()
    here.now += 3600
    here.drop("b.jsonl")
    here.drop("../READY")

    assert len(here.inbox().tick().claimed) == 1
    assert len(here.batches()) == 2


def test_a_flag_with_more_than_a_batch_takes_makes_several(scene: Make) -> None:
    here = scene({"flag": "READY", "most_items": 10})
    for number in range(MOST_BATCHES + 2):
        here.drop(f"{number:02}.jsonl")
    here.drop("../READY")

    first, second = here.inbox().tick(), here.inbox().tick()

    assert (len(first.claimed), len(second.claimed)) == (MOST_BATCHES, 2)


def test_a_flag_without_documents_is_obeyed_and_takes_nothing_that_comes_later(
    scene: Make,
) -> None:
    here = scene({"flag": "READY"})
    here.drop("../READY")
    here.inbox().tick()
    here.drop("a.jsonl")

    assert here.inbox().tick().claimed == ()


def test_a_day_of_the_calendar_takes_what_is_there_once_also_when_nobody_looked_on_time(
    scene: Make,
) -> None:
    # 2027-01-15 08:00 UTC is the start.
    here = scene({"calendar": "c"}, calendar=("2027-01-10", "2027-01-16"))
    here.drop("a.jsonl")
    before = here.inbox().tick()
    here.now += 3 * 86400
    here.drop("b.jsonl")

    late = here.inbox().tick()
    here.drop("c.jsonl")
    after = here.inbox().tick()

    assert before.claimed == ()  # the 10th was over before anybody watched
    assert "Next day of the calendar: 2027-01-16." in before.said
    assert [one.files for one in late.claimed] == [2]
    assert after.claimed == ()


def test_listing_that_takes_longer_than_a_tick_goes_on_where_it_was(scene: Make) -> None:
    here = scene({"items": 50})
    for number in range(5):
        here.drop(f"{number}.jsonl")

    ticks: list[Tick] = []
    for _ in range(3):
        seconds = map(float, range(1000))
        cursor = ticks[-1].cursor if ticks else ""
        ticks.append(here.inbox(seconds.__next__).tick(cursor, budget_seconds=1.5))

    assert [len(tick.claimed) for tick in ticks] == [0, 0, 1]
    assert "20 of 50 items. Listing goes on in the next tick." in ticks[0].said
    assert "40 of 50 items. Listing goes on in the next tick." in ticks[1].said
    assert here.claimed() == [f"{number}.jsonl" for number in range(5)]


def test_a_cursor_of_another_make_begins_anew() -> None:
    for text in (None, "", "2026", "{}", '["a"]', "[1, {}]"):
        assert Cursor.parse(text).after in ("", "1")


def test_an_inbox_that_cannot_be_listed_is_said_and_what_waits_is_claimed_all_the_same(
    scene: Make,
) -> None:
    here = scene({"age": "10m"})
    here.drop("a.jsonl")
    here.inbox().tick()
    here.now += 600
    here.root.rename(here.folder / "elsewhere")

    tick = here.inbox().tick()

    assert "does not exist" in tick.said
    assert [one.files for one in tick.claimed] == [1]


def test_by_hand_everything_is_claimed_whatever_the_thresholds_say(scene: Make) -> None:
    here = scene({"items": 1000})
    assert here.inbox().claim_now() is None
    here.drop("a.jsonl")

    claim = here.inbox().claim_now()

    assert claim is not None
    assert claim.items == 10
    assert here.inbox().sources(claim.batch) == ["a.jsonl"]


def test_a_batch_that_was_named_by_hand_takes_what_is_there_when_it_is_read(scene: Make) -> None:
    here = scene({"items": 1000})
    here.drop("a.jsonl")

    assert here.inbox().sources("try-1") == ["a.jsonl"]
    here.drop("b.jsonl")
    assert here.inbox().sources("try-1") == ["a.jsonl"]
    assert here.inbox().sources("try-2") == ["b.jsonl"]
    with pytest.raises(UnknownBatchError, match="orders has no batch try-3"):
        here.inbox().sources("try-3")
    assert here.inbox().sources("try-3", claim=False) == []


def test_an_inbox_that_is_gone_is_an_error_for_who_asks_by_hand(scene: Make) -> None:
    here = scene({"items": 1000})
    here.root.rmdir()

    with pytest.raises(IntakeError, match="does not exist"):
        here.inbox().claim_now()


def test_a_batch_that_was_claimed_a_moment_ago_is_left_to_who_claimed_it(scene: Make) -> None:
    here = scene({"items": 1})
    here.drop("a.jsonl")
    tick = here.inbox().tick()

    assert here.inbox().offered() == []
    here.now += 61
    assert here.inbox().offered() == [tick.claimed[0].batch]


def test_a_name_is_refused_where_nothing_could_be_its_batch_and_files_left_alone_are_told(
    scene: Make,
) -> None:
    here = scene({"items": 1})
    here.drop("a.jsonl", age=0)

    with pytest.raises(UnknownBatchError, match=r"still being written .*'a\.jsonl'"):
        here.inbox().check_name("nosuch")
    here.now += SETTLE
    here.inbox().check_name("nosuch")  # what is there can become a batch of that name
    (one,) = here.inbox().tick().claimed
    here.inbox().check_name(one.batch)


def test_a_flag_that_has_just_come_is_no_file_that_is_left_alone(scene: Make) -> None:
    here = scene({"flag": "inbox/READY"})
    here.drop("READY", age=0)

    assert "still being written" not in here.inbox().tick().said


@pytest.mark.parametrize("name", ["naïve 文.txt", "two\nlines.txt", "it's \"so\".txt", "%41.txt"])
def test_a_file_with_any_name_is_claimed_and_found_again(scene: Make, name: str) -> None:
    here = scene({"items": 1}, format="text")
    here.drop(name)

    here.inbox().tick()

    assert here.claimed() == [name]


def test_a_name_that_is_no_text_is_claimed_as_well(scene: Make) -> None:
    here = scene({"items": 1}, format="text")
    path = os.path.join(os.fsencode(here.root), b"\xff.txt")  # noqa: PTH118
    with open(path, "w") as file:  # noqa: PTH123
        file.write("Hello.")
    os.utime(path, (START - 60, START - 60))

    here.inbox().tick()

    assert len(here.claimed()) == 1


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from("abcdef"), st.integers(1, 30)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 900)),
        st.tuples(st.just("look"), st.just(""), st.integers(0, 4)),
    ),
    min_size=1,
    max_size=12,
)
"""Drop a file, let time pass, look; die before one of the transactions of the look (0: live)."""


@settings(max_examples=25)
@given(EVENTS)
def test_every_file_is_in_one_batch_whatever_arrives_when_and_whoever_dies(
    events: list[tuple[str, str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        here = Scene(Path(folder), {"items": 40, "age": "10m", "most_items": 60})
        with closing(here.store):
            versions: Counter[str] = Counter()
            for what, name, number in events:
                here.now += 0.001
                if what == "drop":
                    here.drop(name, number)
                    here.inbox().record(Cursor(), 1e9)
                    versions[name] += 1
                elif what == "wait":
                    here.now += number
                else:
                    with suppress(Death):
                        _look_and_die(here, before=number)
            here.now += 3600
            while here.inbox().tick().claimed:
                pass

            held = Counter(here.claimed())
            assert set(held) == set(versions)
            assert all(held[name] <= versions[name] for name in versions)
            assert here.store.arrivals.waiting("orders").files == 0


def _look_and_die(here: Scene, before: int) -> None:
    """One look that ends before its transaction `before`; 0: it lives."""
    database = here.store.database
    real, left = database.run, before

    def counted(work: Callable[[Any], Any], *more: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Death
        return real(work, *more)

    database.run = counted  # type: ignore[method-assign, assignment]
    try:
        here.inbox().tick()
    finally:
        database.run = real  # type: ignore[method-assign]
