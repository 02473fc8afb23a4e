"""The checks of the documents: each finding against its bar, on manifests as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.intake.document import Document, Problem, ProblemReason
from batch_ai_assets.engine.planning.manifest import manifest_rows, manifest_schema
from batch_ai_assets.engine.sealing import Sealer
from batch_ai_assets.engine.spec.input_quality import InputQualitySpec
from batch_ai_assets.engine.tables import BatchTable, TableStore
from batch_ai_assets.engine.validation import input_profile
from batch_ai_assets.engine.validation.check_result import INPUT_MEANINGS, CheckResult
from batch_ai_assets.engine.validation.input_profile import InputProfile, count_too_long, profile
from batch_ai_assets.engine.validation.input_quality import input_checks

from .samples import make_job

SEALER = Sealer([bytes(32)])
ENGLISH = "Number {} of the letters that customers wrote to us about their lost cards."
GERMAN = "Brief {} der Kunden, die uns wegen ihrer verlorenen Karten geschrieben haben."


def document(name: str, text: str = "A letter.", reason: ProblemReason | None = None) -> Document:
    problem = Problem(reason, "made for this test") if reason else None
    return Document(
        name, "" if problem else text, b"?" if problem else b"", name, {}, "public", problem
    )


def manifest(folder: Path, documents: Iterable[Document]) -> BatchTable:
    rows = manifest_rows("mail", "b1", iter(documents), SEALER)
    return TableStore(folder).write("mail", "raw_inputs", "b1", "r1", manifest_schema(), rows)


def checks(
    found: InputProfile,
    history: Sequence[int] = (),
    too_long: tuple[int, tuple[str, ...]] = (0, ()),
    **bars: Any,
) -> dict[str, CheckResult]:
    job = make_job()
    spec = job.spec.model_copy(update={"input_quality": InputQualitySpec(**bars)})
    job = job.model_copy(update={"spec": spec})
    results = input_checks(job, found, too_long, history)
    assert [result.name for result in results] == list(INPUT_MEANINGS)
    return {result.name.removeprefix("input_"): result for result in results}


def test_a_manifest_is_counted_by_what_is_wrong_with_its_documents(tmp_path: Path) -> None:
    reasons: list[ProblemReason] = [
        "empty_text", "no_text", "missing_text", "undecodable", "unreadable", "duplicate_id",
        "missing_id",
    ]  # fmt: skip
    bad = [document(f"bad-{reason}", reason=reason) for reason in reasons]
    good = [document("a", "one"), document("b", "two"), document("c", "one")]

    found = profile(manifest(tmp_path, [*bad, *good]), SEALER)

    assert found.items == 10
    assert found.counts == {"empty": 3, "undecodable": 2, "same_id": 1}
    assert found.named["empty"] == ("bad-empty_text", "bad-no_text", "bad-missing_text")
    assert found.same_text == 1
    assert found.named["same_text"] == ("c",)
    assert found.sampled == 3


def test_documents_that_cannot_be_used_are_no_copies_of_each_other(tmp_path: Path) -> None:
    same = [document(f"d{n}", reason="empty_text") for n in range(4)]
    assert profile(manifest(tmp_path, same), SEALER).same_text == 0


@settings(max_examples=30)
@given(texts=st.lists(st.integers(0, 30), max_size=120), at_once=st.integers(2, 40))
def test_copies_are_counted_right_in_any_number_of_passes(
    tmp_path_factory: pytest.TempPathFactory, texts: list[int], at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("copies")
    raw = manifest(folder, [document(f"d{n}", f"text {t}") for n, t in enumerate(texts)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_profile, "_HASHES_AT_ONCE", at_once)
        patch.setattr(input_profile, "_SCANNED_AT_ONCE", 7)
        same, repeated = input_profile._same_texts(raw)
        copies = input_profile._copies_of(raw, repeated)
    assert same == len(texts) - len(set(texts))
    places = [int(name.removeprefix("d")) for name in copies]
    assert all(texts[place] in texts[:place] for place in places)
    assert bool(places) == bool(same)


def test_languages_are_told_on_a_sample_that_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_profile, "_SAMPLE", 50)
    texts = [(GERMAN if n % 4 == 0 else ENGLISH).format(n) for n in range(400)]
    raw = manifest(tmp_path, [document(f"d{n}", text) for n, text in enumerate(texts)])

    found = profile(raw, SEALER)

    assert found.sampled == 50
    assert set(found.languages) == {"en", "de"}
    assert 0.1 < found.languages["de"] / 50 < 0.4
    assert profile(raw, SEALER) == found


def test_long_documents_are_counted_by_the_room_of_their_group(tmp_path: Path) -> None:
    words = {"short": "one two", "middle": "word " * 40, "long": "word " * 90}
    raw = manifest(tmp_path, [document(name, text) for name, text in words.items()])

    def too_long(kind: str, tokens: int, _: object) -> bool:
        assert kind == "txt"
        return tokens > 60

    assert count_too_long(raw, lambda: 20, too_long) == (1, ("long",))


def test_what_prompts_leave_room_for_is_not_counted_for_no_documents(tmp_path: Path) -> None:
    def never(*_: object) -> NoReturn:
        raise AssertionError("asked for")

    raw = manifest(tmp_path, [])

    assert count_too_long(raw, never, never) == (0, ())
    assert profile(raw, SEALER) == InputProfile()


def test_a_batch_in_order_passes_every_check() -> None:
    found = InputProfile(items=200, sampled=200, languages={"en": 200})

    results = checks(found, history=[200] * 10, languages=("en",))

    assert all(result.passed and not result.todo for result in results.values())
    assert all(result.severity == "warn" for result in results.values())


def test_a_batch_without_documents_is_no_finding_but_its_size() -> None:
    results = checks(InputProfile(), history=[200] * 5)

    assert [name for name, result in results.items() if not result.passed] == ["size"]
    assert results["empty"].found == "no documents to look at"


@pytest.mark.parametrize(
    ("finding", "found"),
    [
        ("empty", InputProfile(10, {"empty": 2}, {"empty": ("a.txt", "b.txt")})),
        ("duplicate", InputProfile(10, {"same_id": 1}, {"same_id": ("a.txt",)}, same_text=1)),
        ("undecodable", InputProfile(10, {"undecodable": 2}, {"undecodable": ("a.txt",)})),
    ],
)
def test_a_share_above_its_bar_warns_and_names_documents(
    finding: str, found: InputProfile
) -> None:
    result = checks(found, **{finding: 0.19})[finding]

    assert not result.passed
    assert result.severity == "warn"
    assert not result.blocking
    assert "a.txt" in result.found
    assert "20.00%" in result.found
    assert result.bar == "at most 19.00%"
    assert result.todo
    assert checks(found, **{finding: 0.2})[finding].passed


def test_a_document_that_is_too_long_is_named() -> None:
    result = checks(InputProfile(items=4), too_long=(1, ("novel.txt",)), over_long=0.2)

    assert not result["over_long"].passed
    assert "novel.txt" in result["over_long"].found


def test_other_languages_count_and_unknown_ones_do_not() -> None:
    found = InputProfile(
        items=100, sampled=100, languages={"en": 80, "unknown": 10, "de": 6, "fr": 4}
    )

    result = checks(found, languages=("en",))["language_mix"]

    assert not result.passed
    assert result.figures == {"other_languages": 0.1, "unknown_language": 0.1, "sampled": 100.0}
    assert "en 80.0%, unknown 10.0%, de 6.0%, fr 4.0%" in result.found
    assert checks(found, languages=("en", "de"))["language_mix"].passed


def test_without_expected_languages_the_mix_is_shown_and_not_judged() -> None:
    result = checks(InputProfile(2, sampled=2, languages={"en": 1, "fr": 1}))["language_mix"]

    assert result.passed
    assert "en 50.0%, fr 50.0%" in result.found


@pytest.mark.parametrize(
    ("items", "passes"), [(33, False), (34, True), (100, True), (300, True), (301, False)]
)
def test_the_size_is_measured_against_the_median(items: int, passes: bool) -> None:
    result = checks(InputProfile(items), history=[90, 100, 100, 5_000, 100])["size"]

    assert result.passed is passes
    assert result.figures["median"] == 100.0


def test_a_few_batches_are_no_median() -> None:
    result = checks(InputProfile(5_000), history=[1, 1, 1, 1])["size"]

    assert result.passed
    assert result.found == "5,000 documents; 4 earlier batches are too few to compare with"
    assert "median" not in result.figures


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "1 document; there is no earlier batch to compare with"),
        ([7], "1 document; 1 earlier batch is too few to compare with"),
    ],
)
def test_one_is_not_spoken_of_as_many(history: list[int], words: str) -> None:
    assert checks(InputProfile(1), history=history)["size"].found == words


def test_documents_that_repeat_another_are_told_by_how_they_do() -> None:
    named = {"same_id": ("a.txt",), "same_text": ("b.txt", "c.txt")}
    found = InputProfile(540, {"same_id": 1}, named, same_text=2)

    result = checks(found)["duplicate"]

    assert result.found == (
        "3 of 540 documents repeat another one (0.56%): 2 by the text (such as b.txt, c.txt), "
        "1 by the id (such as a.txt)"
    )
    assert result.figures["share"] == 0.0056
    assert checks(InputProfile(2))["duplicate"].found == (
        "0 of 2 documents repeat another one (0.00%)"
    )


@pytest.mark.parametrize("finding", [name.removeprefix("input_") for name in INPUT_MEANINGS])
def test_a_finding_blocks_where_the_job_names_it(finding: str) -> None:
    counts = {"empty": 5, "undecodable": 5, "same_id": 5}
    found = InputProfile(10, counts, sampled=10, languages={"de": 10})
    bars = {"languages": ("en",), "block": (finding,)}

    results = checks(found, history=[1] * 5, too_long=(5, ("a",)), **bars)

    assert not any(result.passed for result in results.values())
    assert [name for name, result in results.items() if result.stops_release] == [finding]
    assert results[finding].severity == "error"
    assert "read anew" in results[finding].todo


def test_the_figures_of_a_check_have_the_same_names_in_every_batch() -> None:
    good = checks(InputProfile())
    bad = checks(
        InputProfile(9, {"empty": 9}, sampled=9, languages={"de": 9}),
        history=[1] * 9, too_long=(9, ()), languages=("en",),
    )  # fmt: skip
    for name, result in good.items():
        measured = [figure for figure in bad[name].figures if figure != "median"]
        assert list(result.figures) == measured
