"""Real documents of many kinds are read as they are."""

from __future__ import annotations

import csv
import html
import json
import re
import unicodedata
from pathlib import Path

from batch_ai_assets.engine.tokens import count_tokens

from .jobs import job_for, read, reason


def test_ten_thousand_customer_messages_are_read_with_their_labels(
    real_data: Path, tmp_path: Path
) -> None:
    with (real_data / "banking77" / "train.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    with (tmp_path / "train.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    job = job_for(tmp_path, path="train.jsonl", format="jsonl", attributes=["category"])
    documents = read(job)
    assert len(documents) == len(rows) == 10_003
    assert {reason(document) for document in documents} == {None}
    assert [document.item_id for document in documents] == [row["id"] for row in rows]
    assert [document.attributes["category"] for document in documents] == [
        row["category"] for row in rows
    ]
    assert all(
        d.text.split() == row["text"].split() for d, row in zip(documents, rows, strict=True)
    )


def test_contracts_are_read_whole(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "cuad_contracts" / "txt"
    documents = read(job_for(tmp_path, path=str(folder), glob="*.txt"))
    files = sorted(path.name for path in folder.iterdir())
    assert [document.item_id for document in documents] == files
    assert {reason(document) for document in documents} == {None}
    for document in documents:
        kept = len((folder / document.item_id).read_text(encoding="utf-8").split())
        assert abs(len(document.text.split()) - kept) <= 1 + kept // 1000
    counts = count_tokens([document.text for document in documents])
    for document, tokens in zip(documents, counts, strict=True):
        assert len(document.text.split()) <= tokens <= len(document.text.encode())


def test_pages_in_many_scripts_are_read_without_their_markup(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "udhr_multilingual" / "html"
    documents = read(job_for(tmp_path, path=str(folder), glob="**/*.html"))
    assert len(documents) == len(list(folder.iterdir()))
    assert {(reason(document), document.kind) for document in documents} == {(None, "html")}
    for document in documents:
        page = (folder / document.item_id).read_text(encoding="utf-8")
        # These pages hold paragraphs and lists alone, so taking out their tags by hand is enough.
        words = unicodedata.normalize("NFC", html.unescape(re.sub(r"<[^>]*>", " ", page)))
        assert _without_bullets(document.text) == _without_bullets(words)


def _without_bullets(text: str) -> list[str]:
    return [word for word in text.split() if not re.fullmatch(r"\d+\.|\*", word)]


def test_articles_in_many_languages_are_read(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "udhr_multilingual" / "articles.jsonl"
    job = job_for(
        tmp_path, path=str(source), format="jsonl", attributes=["language", "direction", "article"]
    )
    documents = read(job)
    assert len(documents) == sum(1 for line in source.open("rb") if line.strip())
    assert {reason(document) for document in documents} == {None}
    assert {"ltr", "rtl"} <= {document.attributes["direction"] for document in documents}
