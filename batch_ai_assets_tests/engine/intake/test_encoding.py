"""The character set of a text is found out, or the job names it; what is no text is told."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_ai_assets.engine.intake.encoding import decode, detect, is_binary
from batch_ai_assets.engine.spec.input import InputSpec

QUESTION = "Где мой заказ? Жду уже неделю, спасибо"
LEGACY = {
    "fra": "cp1252", "deu": "cp1252", "spa": "cp1252", "por": "cp1252", "rus": "cp1251",
    "ell": "cp1253", "tur": "cp1254", "pol": "cp1250", "hun": "cp1250", "heb": "cp1255",
    "arb": "cp1256", "ukr": "cp1251", "bul": "cp1251", "jpn": "shift_jis", "kor": "cp949",
    "cmn_hans": "gb18030", "ces": "cp1250", "vie": "utf-16", "tha": "cp874",
}  # fmt: skip
"""What texts of a language were written in before UTF-8."""


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("é".encode(), "utf-8"),
        (b"\xef\xbb\xbfx", "utf-8-sig"),
        ("x".encode("utf-16"), "utf-16"),
        ("x".encode("utf-32"), "utf-32"),
        ("some letters".encode("utf-16-le"), "utf-16-le"),
        ("some letters".encode("utf-16-be"), "utf-16-be"),
        ("注文の品が届きません".encode("iso2022_jp"), "iso2022_jp"),
        ("ein Gruß aus Köln".encode("cp1252"), "cp1252"),
        ("“quoted” — and dashed".encode("cp1252"), "cp1252"),
        (b"", "utf-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "utf-8"),
    ],
)
def test_a_sample_tells_its_character_set(content: bytes, encoding: str) -> None:
    assert detect(content) == encoding


def test_a_sample_may_end_within_a_character() -> None:
    assert detect("漢字".encode()[:4]) == "utf-8"


def test_what_the_job_names_counts_but_a_mark_says_it_more_exactly() -> None:
    assert detect("é".encode(), "cp1252") == "cp1252"
    assert detect(b"\xef\xbb\xbfx", "utf-8") == "utf-8-sig"
    assert decode("é".encode("utf-16"), "utf-16") == "é"


@pytest.mark.parametrize("name", ["hex", "rot13", "undefined", "idna", "unicode_escape", "no-such"])
def test_a_job_names_a_character_set_and_no_other_codec(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a character set; write auto"):
        InputSpec(path="inbox", encoding=name)


@pytest.mark.parametrize("name", ["UTF8", "latin-1", "utf-16", "utf-32", "shift_jis", "big5"])
def test_a_character_set_that_a_job_names_can_be_read(name: str) -> None:
    wish = InputSpec(path="inbox", encoding=name).encoding
    assert decode("abc".encode(name), wish) == "abc"


def test_a_text_in_the_wrong_character_set_is_refused_where_the_job_names_it() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode(b"caf\xe9", "utf-8")
    with pytest.raises(UnicodeDecodeError):
        decode("é".encode(), "ascii")


def test_letters_far_into_a_long_text_are_looked_at() -> None:
    text = "plain words only. " * 20_000 + f"\n{QUESTION}\n" + "end " * 9999
    assert decode(text.encode("cp1251")) == text


def test_a_long_text_without_lines_costs_as_much_as_it_is_long() -> None:
    began = time.process_time()
    with suppress(UnicodeDecodeError):
        decode(b"word " * 2_000_000 + b"\xff\x81" * 500_000)
    assert time.process_time() - began < 20


def test_zeros_and_controls_are_no_text() -> None:
    assert is_binary(b"a\0b")
    assert is_binary(b"\1\2\3 some")
    assert not is_binary(b"a\tb\r\nc\x0c\x1b[0m")


def test_texts_in_many_languages_are_read_in_the_character_sets_they_were_written_in(
    real_data: Path,
) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    with (real_data / "udhr_multilingual" / "articles.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            texts[row["language"]].append(row["text"])
    tried, right = 0, []
    for language, encoding in LEGACY.items():
        for start in range(0, len(texts[language]), 5):
            text = "\n".join(texts[language][start : start + 5])
            try:
                raw = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            tried += 1
            if decode(raw) == text:
                right.append(language)
    assert tried >= 40
    # Guessing letters is never certain; a job that knows better says so in input.encoding.
    assert len(right) / tried >= 0.9


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["auto", "utf-8", "cp1252", "utf-16"]))
def test_bytes_are_read_or_refused_as_what_they_are_not(raw: bytes, wish: str) -> None:
    with suppress(UnicodeDecodeError):
        assert isinstance(decode(raw, wish), str)


@given(st.text(min_size=1))
def test_whatever_was_written_as_utf8_is_read_back(text: str) -> None:
    # Zeros and escapes are what other character sets are told by.
    written = text.encode("utf-8", "replace").decode().translate({0: None, 27: None})
    assert decode(written.encode()) == written.removeprefix("\ufeff")
