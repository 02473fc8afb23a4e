from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.planning.shards import Cut, shards_of_groups

SIZES = st.lists(st.integers(1, 5000), min_size=1, max_size=300)


@given(SIZES, st.integers(1, 20), st.integers(0, 50))
def test_every_item_gets_one_shard_and_the_loads_are_what_was_given(
    sizes: list[int], shards: int, first: int
) -> None:
    cut = Cut(Counter(sizes), shards, first)
    loads: Counter[int] = Counter()
    items: Counter[int] = Counter()
    for size in sizes:
        number = cut.take(size)
        loads[number] += size
        items[number] += 1
    assert set(loads) <= set(range(first, first + shards))
    assert cut.parts() == [
        (number, items[number], loads[number]) for number in range(first, first + shards)
    ]


@given(SIZES, st.integers(1, 20))
def test_no_shard_is_heavier_than_longest_processing_time_first_allows(
    sizes: list[int], shards: int
) -> None:
    loads = Cut(Counter(sizes), shards).loads
    assert max(loads) <= sum(sizes) / shards + max(sizes)
    if len(sizes) <= shards:
        assert max(loads) == max(sizes)


def test_many_small_items_level_out_a_few_big_ones() -> None:
    sizes = Counter({75_000: 3, 9_000: 20, 900: 400, 60: 3000})
    loads = Cut(sizes, 12).loads
    assert max(loads) <= 1.05 * sum(loads) / 12


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 500), st.floats(0, 1e5)),
        min_size=1, max_size=6,
    ),
    st.integers(1, 60),
)  # fmt: skip
def test_a_forced_number_of_shards_is_kept_where_there_are_enough_items(
    groups: list[tuple[int, int, float]], forced: int
) -> None:
    tokens, items = [one[0] for one in groups], [one[1] for one in groups]
    counts = shards_of_groups(tokens, items, [one[2] for one in groups], 600.0, forced)
    busy = sum(1 for count in items if count)
    assert all((count == 0) == (number == 0) for count, number in zip(items, counts, strict=True))
    assert all(number <= count for count, number in zip(items, counts, strict=True))
    assert sum(counts) == max(busy, min(forced, sum(items)))


def test_a_group_is_cut_by_how_long_its_work_takes() -> None:
    counts = shards_of_groups([10, 10, 0], [1000, 10, 0], [3600.0, 30.0, 0.0], 600.0, None)
    assert counts == [6, 1, 0]
