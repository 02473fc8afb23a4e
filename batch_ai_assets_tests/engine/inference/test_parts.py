"""Parts: none too long, nothing of the text left out, and the same text always the same parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.parts import Division, Part
from batch_ai_assets.engine.tokens import count_tokens, token_bounds

PIECES = st.one_of(
    st.sampled_from(
        ["The party shall pay. ", "word ", "\n", "\n\n", " ", "\r\n", "١٢٣", "12345", "契約。",
         "\U0001f469\u200d\U0001f467", "e\u0301", "<|endoftext|>", "aA", "...", "\t"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=12),
)  # fmt: skip
TEXTS = st.builds(
    lambda pieces, times: "".join(pieces) * times,
    st.lists(PIECES, min_size=1, max_size=40),
    st.integers(1, 60),
)


@st.composite
def divisions(draw: st.DrawFn) -> Division:
    room = draw(st.integers(64, 400))
    return Division(room, draw(st.integers(0, room // 2)), 1_000_000)


def tokens_of(text: str) -> int:
    return count_tokens([text])[0]


def places(text: str, parts: Sequence[Part]) -> list[int]:
    """Where each part may stand, so that none begins later than the text before it ends.

    The last such place of each: where that leaves a gap, every other one would.
    """
    found, end = [], 0
    for part in parts:
        found.append(text.rindex(part.text, 0, end + len(part.text)))
        end = found[-1] + len(part.text)
    assert end == len(text)
    return found


@given(TEXTS, divisions())
def test_no_part_is_longer_than_the_room_and_each_says_how_long_it_is(
    text: str, division: Division
) -> None:
    for part in division.cut(text):
        assert part.tokens == tokens_of(part.text) <= division.room


@given(TEXTS, divisions())
def test_every_character_is_in_some_part_and_parts_follow_the_text(
    text: str, division: Division
) -> None:
    parts = division.cut(text)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    places(text, parts)


@given(TEXTS, st.integers(64, 400))
def test_parts_that_share_nothing_are_the_text_when_put_together(text: str, room: int) -> None:
    parts = Division(room, 0, 1_000_000).cut(text)
    assert "".join(part.text for part in parts) == text


@given(TEXTS, divisions())
def test_the_number_of_parts_follows_from_the_tokens_of_the_text(
    text: str, division: Division
) -> None:
    tokens = tokens_of(text)
    parts = division.cut(text)
    assert len(parts) == division.parts_of(tokens)
    assert (len(parts) == 1) == (tokens <= division.room)
    assert division.divides(tokens) == (len(parts) > 1)


@given(TEXTS, divisions())
def test_a_text_is_cut_in_the_same_places_every_time(text: str, division: Division) -> None:
    assert division.cut(text) == division.cut(text)


@given(TEXTS, divisions())
def test_a_part_carries_the_hash_of_its_own_text(text: str, division: Division) -> None:
    for part in division.cut(text):
        assert part.input_hash == hashlib.sha256(part.text.encode()).digest()


@given(st.integers(65, 10**6), divisions())
def test_what_all_parts_take_is_the_text_and_what_they_share(
    tokens: int, division: Division
) -> None:
    parts = division.parts_of(tokens)
    assert division.tokens_of(tokens) == tokens + (parts - 1) * division.overlap
    assert division.tokens_of(tokens) <= parts * division.room


@given(TEXTS)
def test_the_bounds_of_tokens_span_the_whole_text(text: str) -> None:
    bounds = token_bounds(text)
    assert (bounds[0], bounds[-1]) == (0, len(text.encode()))
    assert len(bounds) - 1 == tokens_of(text)


SENTENCE = "The supplier delivers the goods on the first day of every month."


@pytest.mark.parametrize(
    ("mark", "ends"),
    [("\n\n", "month.\n\n"), ("\n", "month.\n"), (" ", "month.")],
    ids=["paragraph", "line", "sentence"],
)
def test_a_part_ends_where_the_text_rests(mark: str, ends: str) -> None:
    parts = Division(1000, 0, 50).cut(mark.join([SENTENCE] * 300))
    assert len(parts) > 3
    assert all(part.text.endswith(ends) for part in parts[:-1])


def test_a_text_without_sentences_is_cut_between_words() -> None:
    words = SENTENCE.removesuffix(".").split() * 300
    parts = Division(1000, 0, 50).cut(" ".join(words))
    assert len(parts) > 3
    assert [word for part in parts for word in part.text.split()] == words


def test_the_end_of_a_paragraph_is_worth_more_than_a_nearer_end_of_a_sentence() -> None:
    paragraphs = [" ".join([SENTENCE] * 5)] * 60
    parts = Division(1000, 0, 50).cut("\n\n".join(paragraphs))
    assert len(parts) > 3
    assert all(part.text.endswith("\n\n") for part in parts[:-1])


def test_a_text_without_any_end_is_cut_between_characters() -> None:
    text = "契約者は商品を引き渡す" * 300
    parts = Division(200, 0, 50).cut(text)
    assert "".join(part.text for part in parts) == text


def test_parts_are_about_equally_long() -> None:
    text = " ".join([SENTENCE] * 1000)
    room = tokens_of(text) - 100
    first, second = Division(room, 0, 50).cut(text)
    assert first.tokens == pytest.approx(second.tokens, rel=0.2)


def test_the_next_part_begins_with_the_end_of_the_last_one() -> None:
    text = "\n\n".join(f"Clause {number}. {SENTENCE}" for number in range(1000))
    parts = Division(2000, 200, 50).cut(text)
    starts = places(text, parts)
    ends = [start + len(part.text) for start, part in zip(starts, parts, strict=True)]
    shared = [text[start:end] for start, end in zip(starts[1:], ends[:-1], strict=True)]
    assert len(shared) > 3
    for piece in shared:
        assert 100 <= tokens_of(piece) <= 200
        assert piece.startswith("Clause ")


@pytest.mark.parametrize(
    ("division", "tokens", "divides"),
    [
        (Division(1000, 0, 50), 1000, False),
        (Division(1000, 0, 50), 1001, True),
        (Division(1000, 0, 50), 875 * 50, True),
        (Division(1000, 0, 50), 875 * 50 + 1, False),
        (Division(63, 0, 50), 100, False),
        (Division(-5, 0, 50), 100, False),
        (Division(1000, 500, 50), 1001, True),
        (Division(1000, 501, 50), 1001, False),
    ],
)
def test_a_text_is_cut_where_it_is_too_long_and_parts_are_few_and_large_enough(
    division: Division, tokens: int, divides: bool
) -> None:
    assert division.divides(tokens) is divides


@pytest.mark.parametrize(("room", "overlap"), [(64, 0), (500, 50), (3000, 1500), (15_000, 300)])
def test_real_contracts_are_cut_into_as_many_parts_as_planned_and_at_good_places(
    real_data: Path, room: int, overlap: int
) -> None:
    division = Division(room, overlap, 10_000)
    contracts = [
        path.read_text(encoding="utf-8")
        for path in sorted((real_data / "cuad_contracts" / "txt").iterdir())
    ]
    counted = zip(contracts, count_tokens(contracts), strict=True)
    long = [(text, tokens) for text, tokens in counted if division.divides(tokens)]
    assert len(long) > len(contracts) / 5
    good = ends = 0
    for text, tokens in long:
        parts = division.cut(text)
        assert len(parts) == division.parts_of(tokens)
        assert max(part.tokens for part in parts) <= room
        assert sum(part.tokens for part in parts) <= division.tokens_of(tokens) + len(parts)
        places(text, parts)
        ends += len(parts) - 1
        good += sum(part.text.rstrip()[-1:] in ".;:!?" for part in parts[:-1])
    if room >= 500:
        assert good > 0.4 * ends


@pytest.mark.parametrize("run", ["a", " ", "\n", "\n ", ".", "'", '."', "漢", "\u0661", "ab \n"])
def test_a_long_text_that_never_changes_is_cut_too(run: str) -> None:
    text = run * (1_000_000 // len(run))
    parts = Division(500, 50, 10_000).cut(text)
    assert parts[0].text == text[: len(parts[0].text)]
    assert max(part.tokens for part in parts) <= 500
