"""Which language a text is in: real articles in 71 languages, and texts that say too little."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from batch_ai_assets.engine.spec.input_quality import LANGUAGES, InputQualitySpec
from batch_ai_assets.engine.validation.languages import UNKNOWN, is_expected, languages_of


def test_articles_in_real_languages_are_told_apart(real_data: Path) -> None:
    lines = (real_data / "udhr_multilingual" / "articles.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if row["bcp47"].split("-")[0] in LANGUAGES]
    assert len(rows) > 1_300

    told = list(languages_of(row["text"] for row in rows))

    known = [
        (row["bcp47"].split("-")[0], language)
        for row, language in zip(rows, told, strict=True)
        if language != UNKNOWN
    ]
    right = sum(is_expected(language, {true}) for true, language in known)
    assert len(known) / len(rows) > 0.95
    assert right / len(known) > 0.995


def test_a_language_that_the_model_never_saw_is_seldom_taken_for_english(real_data: Path) -> None:
    pages = sorted((real_data / "udhr_multilingual" / "html").glob("*.html"))
    texts = [re.sub(r"<[^>]+>", " ", page.read_text("utf-8", "replace")) for page in pages]
    assert texts
    texts = [text[len(text) // 2 :] for text in texts]
    assert list(languages_of(texts)).count("en") <= len(texts) // 8


def test_a_text_that_says_too_little_is_unknown() -> None:
    texts = ["", "12345", "ok", "https://a.b/c", "17 / 4 = 4.25"]
    assert list(languages_of(texts)) == [UNKNOWN] * 5


def test_nothing_to_tell_is_no_count() -> None:
    assert list(languages_of([])) == []


def test_a_long_document_is_told_by_its_beginning() -> None:
    text = "The card was charged twice, and nobody at the counter could say why. " * 20_000
    assert list(languages_of([text])) == ["en"]


@pytest.mark.parametrize(
    ("told", "expected", "counts"),
    [("no", {"nb"}, True), ("bs", {"hr"}, True), ("ms", {"id"}, True), ("de", {"en"}, False)],
)
def test_languages_that_are_written_alike_count_as_one(
    told: str, expected: set[str], counts: bool
) -> None:
    assert is_expected(told, expected) is counts


def test_a_job_may_name_every_language_that_the_model_knows() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    known = set(LanguageIdentifier.from_model_file(MODEL_FILE).labels)
    assert known - {"zxx"} == LANGUAGES - {"nb"}


@pytest.mark.parametrize("given", ["EN", "en", "en-GB"])
def test_a_language_is_taken_in_any_usual_form(given: str) -> None:
    assert InputQualitySpec(languages=(given,)).languages == ("en",)


@pytest.mark.parametrize("given", ["english", "xx", "e"])
def test_a_language_that_cannot_be_told_is_refused_with_what_to_write(given: str) -> None:
    with pytest.raises(ValidationError, match=f"'{given}' is no language.*such as en"):
        InputQualitySpec(languages=(given,))
