"""Tokens are counted exactly, offline, and never above their bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.tokens import count_tokens, cut_to

# Counts of the public o200k vocabulary.
KNOWN = {
    "": 0,
    "hello world": 2,
    "tiktoken is great!": 6,
    "お誕生日おめでとう": 8,
    "2 + 2 = 4": 7,
    "antidisestablishmentarianism": 6,
}


def test_known_texts_have_their_known_counts() -> None:
    assert count_tokens(list(KNOWN)) == list(KNOWN.values())


def test_special_tokens_in_a_document_are_plain_text() -> None:
    plain, ordinary = count_tokens(["<|endoftext|>", "<|fim_prefix|> <|im_start|>"])
    assert plain > 1
    assert ordinary > 3


def test_no_texts_have_no_counts() -> None:
    assert count_tokens([]) == []


def test_counts_are_plain_integers_in_the_order_given() -> None:
    counts = count_tokens(["a b c", "", "a"])
    assert counts == [3, 0, 1]
    assert all(type(count) is int for count in counts)


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_a_text_counts_alike_alone_and_among_others_and_never_above_its_bound(
    texts: list[str],
) -> None:
    together = count_tokens(texts)
    assert together == [count_tokens([text])[0] for text in texts]
    assert all(n <= len(text.encode()) for n, text in zip(together, texts, strict=True))


def test_more_text_than_one_call_of_the_library_takes_keeps_its_order() -> None:
    texts = ["x" * length for length in (3_999_999, 1, 5_000_000, 2, 4_000_000, 0, 7)]
    assert count_tokens(texts) == [count_tokens([text])[0] for text in texts]


def test_long_runs_of_one_character_are_counted() -> None:
    for char in ("a", " ", "\n", "!", "漢"):
        (tokens,) = count_tokens([char * 1_000_000])
        assert 0 < tokens <= len(char.encode()) * 1_000_000


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_fits(text: str, most: int) -> None:
    kept = cut_to(text, most)
    assert text.startswith(kept)
    assert count_tokens([kept])[0] <= most
    if count_tokens([text])[0] <= most:
        assert kept == text


def test_a_cut_keeps_about_all_that_fits() -> None:
    kept = cut_to("The quick brown fox jumps over the lazy dog. " * 1000, 500)
    assert 498 <= count_tokens([kept])[0] <= 500
