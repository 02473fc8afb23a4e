"""Windows: any length of text, bounded work."""

from __future__ import annotations

import pytest

from batch_ai_assets.local_provider.minilm.encoder import Encoder
from batch_ai_assets.local_provider.minilm.weights import Weights
from batch_ai_assets.local_provider.minilm.windows import MOST_WINDOWS, PIECES, Vectors, cut


@pytest.mark.parametrize(
    ("pieces", "windows"),
    [(0, 1), (1, 1), (PIECES, 1), (PIECES + 1, 2), (4 * PIECES, 4), (4 * PIECES + 1, 4)],
)
def test_a_text_is_cut_at_the_edge_and_not_before(
    weights: Weights, pieces: int, windows: int
) -> None:
    found = cut(weights.tokenizer, "word " * pieces)
    assert found.pieces == pieces
    assert len(found.windows) == windows
    assert max(len(window.ids) for window in found.windows) <= PIECES + 2


def test_up_to_four_windows_hold_every_word(weights: Weights) -> None:
    text = " ".join(str(number) for number in range(300))
    found = cut(weights.tokenizer, text)
    assert len(found.windows) > 1
    assert " ".join(window.text for window in found.windows) == text


def test_a_text_of_110_kb_is_read_at_its_head_at_its_end_and_between(weights: Weights) -> None:
    text = " ".join(f"number{n}" for n in range(10_000))
    found = cut(weights.tokenizer, text)
    assert len(text) > 108_000
    assert len(found.windows) == MOST_WINDOWS
    assert text.startswith(found.windows[0].text)
    assert text.endswith(found.windows[-1].text)
    places = [text.index(window.text) / len(text) for window in found.windows]
    assert places == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=0.05)


def test_a_window_seen_before_is_not_encoded_again(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = Vectors(Encoder(weights))
    windows = [cut(weights.tokenizer, text).windows[0] for text in ("one", "two", "one")]
    first = vectors.of(windows)
    monkeypatch.setattr(Encoder, "encode", lambda *_: pytest.fail("encoded again"))
    assert (vectors.of(windows) == first).all()
    assert (first[0] == first[2]).all()
