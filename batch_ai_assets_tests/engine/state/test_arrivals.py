"""Arrivals: every file as it was seen is claimed by one batch, whatever happens in between."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.state.arrivals import Arrival
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore

from .conftest import Clock, fresh_store

JOB = "mail"


def file(name: str, items: int = 10, fingerprint: str = "1") -> Arrival:
    return Arrival(name, fingerprint, items, items * 100)


def test_a_file_arrives_once_however_often_it_is_seen(store: StateStore) -> None:
    assert store.arrivals.record(JOB, [file("a"), file("b")]) == 2
    assert store.arrivals.record(JOB, [file("a"), file("b"), file("c")]) == 1

    waiting = store.arrivals.waiting(JOB)

    assert (waiting.files, waiting.items, waiting.bytes) == (3, 30, 3000)


def test_a_file_that_grew_while_it_waited_keeps_its_place_in_the_queue(
    store: StateStore, clock: Clock
) -> None:
    store.arrivals.record(JOB, [file("a")])
    first = clock()
    clock.now += 600

    store.arrivals.record(JOB, [file("a", 25, "2")])

    waiting = store.arrivals.waiting(JOB)
    assert (waiting.files, waiting.items, waiting.oldest) == (1, 25, first)


def test_a_file_that_changed_after_it_was_claimed_arrives_again(store: StateStore) -> None:
    store.arrivals.record(JOB, [file("a")])
    first = store.arrivals.claim(JOB, 100)

    store.arrivals.record(JOB, [file("a", 11, "2")])
    second = store.arrivals.claim(JOB, 100)

    assert first is not None
    assert second is not None
    assert first.batch != second.batch
    assert store.arrivals.of(JOB, first.batch) == store.arrivals.of(JOB, second.batch) == ["a"]


def test_the_oldest_are_claimed_first_and_no_more_than_a_batch_takes(
    store: StateStore, clock: Clock
) -> None:
    store.arrivals.record(JOB, [file("z"), file("y")])
    clock.now += 60
    store.arrivals.record(JOB, [file("a"), file("b")])  # late, though first by name

    claims = [store.arrivals.claim(JOB, 25) for _ in range(3)]

    assert [claim and store.arrivals.of(JOB, claim.batch) for claim in claims] == [
        ["y", "z"], ["a", "b"], None,
    ]  # fmt: skip


def test_a_file_that_holds_more_than_a_batch_takes_is_a_batch_of_its_own(
    store: StateStore,
) -> None:
    store.arrivals.record(JOB, [file("a", 5), file("large", 1000), file("z", 5)])

    sizes = [claim.items for _ in range(4) if (claim := store.arrivals.claim(JOB, 100))]

    assert sizes == [5, 1000, 5]


def test_the_same_files_make_the_same_key_and_others_make_another(clock: Clock) -> None:
    def key(*names: str) -> str:
        with fresh_store() as store:
            store.arrivals._clock = clock
            store.arrivals.record(JOB, [file(name) for name in names])
            claim = store.arrivals.claim(JOB, 1000)
            assert claim is not None
            return claim.batch

    assert key("a", "b") == key("b", "a")
    assert key("a", "b") != key("a", "c")
    assert key("a").startswith("19700112t134640z-")  # when the newest of them was seen, UTC
    assert len(key("a")) == len("20261122t020000z-") + 6


def test_a_batch_that_was_named_by_hand_claims_once(store: StateStore) -> None:
    store.arrivals.record(JOB, [file("a")])
    first = store.arrivals.claim(JOB, 100, batch="by-hand")
    store.arrivals.record(JOB, [file("b")])

    second = store.arrivals.claim(JOB, 100, batch="by-hand")

    assert first is not None
    assert first.batch == "by-hand"
    assert second is None
    assert store.arrivals.of(JOB, "by-hand") == ["a"]


def test_an_occasion_is_obeyed_once_nothing_is_left_waiting(store: StateStore) -> None:
    store.arrivals.record(JOB, [file("a"), file("b")])

    store.arrivals.claim(JOB, 10, occasion="flag:READY:1")
    assert store.arrivals.obeyed_at(JOB, "flag:READY:1") is None
    store.arrivals.claim(JOB, 10, occasion="flag:READY:1")

    assert store.arrivals.obeyed_at(JOB, "flag:READY:1") is not None


def test_an_occasion_without_any_document_is_obeyed_as_well(store: StateStore) -> None:
    assert store.arrivals.claim(JOB, 10, occasion="flag:READY:1") is None

    assert store.arrivals.obeyed_at(JOB, "flag:READY:1") is not None


def test_a_claimed_batch_is_offered_until_a_run_has_taken_it_up(
    store: StateStore, clock: Clock
) -> None:
    store.arrivals.record(JOB, [file("a"), file("b")])
    claims = [store.arrivals.claim(JOB, 10) for _ in range(2)]
    first, second = (claim.batch for claim in claims if claim)

    assert store.arrivals.unstarted(JOB, clock() - 1) == []
    assert set(store.arrivals.unstarted(JOB, clock())) == {first, second}
    with store.leases.kept(JOB, first, "run-1", "test"):
        store.batches.move(JOB, first, State.PLANNED, who="test", run_id="run-1")
        assert store.arrivals.unstarted(JOB, clock()) == [second]
    store.leases.release(JOB, first, "run-1")
    # The run has ended before it had written down what the batch holds.
    assert set(store.arrivals.unstarted(JOB, clock())) == {first, second}
    store.batches.begin_plan(
        JOB, first, spec="{}", spec_hash="h", mode="resume", raw_path="/raw", items=1
    )

    assert store.arrivals.unstarted(JOB, clock()) == [second]


def test_jobs_do_not_see_each_others_files(store: StateStore) -> None:
    store.arrivals.record(JOB, [file("a")])

    assert store.arrivals.record("other", [file("a")]) == 1
    assert store.arrivals.claim("other", 10) is not None
    assert store.arrivals.waiting(JOB).files == 1


def test_many_who_record_and_claim_at_once_give_every_file_to_one_batch(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    StateStore.open(url).close()
    names = [f"f{number:03}" for number in range(120)]
    taken: list[str] = []

    def work() -> None:
        store = StateStore.open(url)
        for start in range(0, len(names), 20):
            store.arrivals.record(JOB, [file(name) for name in names[start : start + 20]])
            claim = store.arrivals.claim(JOB, 70)
            if claim is not None:
                taken.extend(store.arrivals.of(JOB, claim.batch))
        while claim := store.arrivals.claim(JOB, 70):
            taken.extend(store.arrivals.of(JOB, claim.batch))
        store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == names


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"),
            st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3)), max_size=4),
        ),
        st.tuples(st.just("claim"), st.integers(1, 40)),
    ),
    max_size=10,
)


@settings(max_examples=15)
@given(STEPS)
def test_every_version_of_a_file_that_was_not_replaced_ends_in_one_batch(
    steps: list[tuple[str, object]],
) -> None:
    waiting: dict[str, str] = {}
    claimed: set[tuple[str, str]] = set()
    with fresh_store() as store:
        for what, content in steps:
            if what == "record":
                assert isinstance(content, list)
                for name, version in dict(content).items():
                    store.arrivals.record(JOB, [file(name, 10, str(version))])
                    if (name, str(version)) not in claimed:
                        waiting[name] = str(version)
            else:
                assert isinstance(content, int)
                claim = store.arrivals.claim(JOB, content)
                assert (claim is None) == (not waiting)
                if claim is not None:
                    held = store.arrivals.of(JOB, claim.batch)
                    assert claim.files == len(held)
                    assert claim.items <= max(content, 10)
                    took = {(name, waiting.pop(name)) for name in held}
                    assert not took & claimed
                    claimed |= took
        assert store.arrivals.waiting(JOB).files == len(waiting)
