"""Words that tell options apart."""

from __future__ import annotations

from batch_ai_assets.local_provider.minilm.lexicon import Lexicon, terms
from batch_ai_assets.local_provider.minilm.weights import Weights


def test_terms_are_words_and_pairs_without_case_and_plural() -> None:
    assert terms("Lost Cards, lost.") == {"lost", "card", "lost card", "card lost"}


def test_a_word_that_all_options_share_says_less_than_one_that_a_single_option_has(
    weights: Weights,
) -> None:
    lexicon = Lexicon(["the card was lost", "the card was stolen"], weights.tokenizer.get_vocab())
    lost, stolen = lexicon.overlap("my card is lost")
    assert lost > 2 * stolen > 0


def test_a_common_word_says_less_than_a_rare_one(weights: Weights) -> None:
    lexicon = Lexicon(["what about refunds", "whose passport"], weights.tokenizer.get_vocab())
    refund, passport = lexicon.overlap("what passport")
    assert passport > refund


def test_a_text_without_known_words_is_like_none(weights: Weights) -> None:
    lexicon = Lexicon(["lost card", "transfer"], weights.tokenizer.get_vocab())
    assert lexicon.overlap("").tolist() == [0, 0]
    assert lexicon.overlap("¿dónde está?").tolist() == [0, 0]
