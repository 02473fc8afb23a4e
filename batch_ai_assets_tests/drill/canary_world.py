"""Jobs and documents of the canary drill: a word that must stay sealed, wherever it can stand.

The documents lie beside the home, so that all of the home is what runs wrote.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import yaml

from ..jobs import PROVIDER_MODELS, job_file, write_registry

WORD = "ZeisigQzx7"
SPELT_OTHERWISE = 'Kiebitz&<"Fürst">/Qzx8'
"""With letters that JSON, HTML and addresses each write in their own way."""
CANARY = f"{WORD} und {SPELT_OTHERWISE}"
KEY = "sk-QzxKeyCanary-4cD8f0Ba19e27Kq"
WRONG_KEY = "sk-QzxKeyCanary-wrongA1b2C3d4"
PASSWORD = "QzxPasswordCanary"
WORDS = (WORD, SPELT_OTHERWISE, "QzxKeyCanary", PASSWORD)
OPENED_WORDS = (WORD, SPELT_OTHERWISE)
"""What a person sees who opens a document."""

OUTPUT_FIELDS = ("summary", "amount")
"""Of an answer: here the model may repeat the document, and results hold what it says."""
SECRETS = {
    "ECHO_KEY": KEY,
    "WRONG_KEY": WRONG_KEY,
    "DESK": "sqlite:///{folder}/desk.sqlite",
    "AWAY": f"postgresql+psycopg://desk:{PASSWORD}@127.0.0.1:9/desk",
}
"""By the variables that the registry names."""

ENDS = (
    "valid", "review_a", "review_b", "rule", "refusal", "malformed", "schema", "taxonomy",
    "truncated", "http500", "http400", "http413", "http422", "page", "no_chat",
)  # fmt: skip
"""How the calls about the documents of `mail` end, one document each."""
_ANSWER: dict[str, Any] = {
    "output": {
        "schema": {
            "type": "object",
            "properties": {
                "topic": {"type": "string"},
                "summary": {"type": "string"},
                "amount": {"type": "string"},
                "sure": {"type": "number"},
            },
        },
        "taxonomy": {"topic": {"card": "About a card.", "other": "Anything else."}},
        "confidence": {"from": "field", "field": "sure"},
        "review_below": 0.5,
    },
    "rules": [
        {"name": "amount_is_one", "sql": "CAST(amount AS INTEGER) >= 0"},
        {"name": "brief", "sql": "length(summary) < 20", "severity": "warn"},
    ],
    "retry": {"max_attempts": 2, "base_seconds": 0.01, "max_seconds": 0.05},
}


def document(case: str) -> str:
    return f"[[case:{case}]] {CANARY}, said the {case} one."


def write_jobs(folder: Path, base_url: str) -> Path:
    """The registry, and the documents of its jobs, in `folder`."""
    documents, registry = folder / "documents", folder / "registry"

    def job(name: str, provider: str = "echo", **source: Any) -> dict[str, Any]:
        if "sql" not in source:
            source["path"] = str(documents / name)
        model = {"provider": provider, "name": "stub"}
        batches = source.pop("batches", {"cadence": "manual"})
        return job_file(name, input=source, model=model, batches=batches, **_ANSWER)

    rows = {"format": "csv", "text": "text", "attributes": ["country"], "classification": "class"}
    query = {"query": "SELECT id, text FROM mails"}
    jobs = [
        job("mail", format="jsonl"),
        job("orders", **rows),
        job("bare", format="csv"),
        job("letters", format="text"),
        job("desk", sql={"url": "env:DESK", **query}),
        job("away", sql={"url": "env:AWAY", **query}),
        job("refused", provider="refusing", format="jsonl"),
        job("turned_away", provider="late", format="jsonl"),
        job("pasted", sql={"url": f"postgresql://desk:{PASSWORD}@127.0.0.1/desk", **query}),
        job("arrivals", format="jsonl", settle="0s",
            batches={"cadence": "on_arrival", "arrival": {"items": 1}}),
    ]  # fmt: skip
    write_registry(registry, *jobs)
    (registry / "providers.yaml").write_text(yaml.safe_dump(_providers(base_url)))
    _write_mail(documents)
    _write_orders(documents)
    _write_letters(documents / "letters")
    _write_desk(folder / "desk.sqlite")
    return registry


def _providers(base_url: str) -> dict[str, Any]:
    def provider(path: str, secret: str, **more: Any) -> dict[str, Any]:
        return {
            "base_url": base_url.replace("/v1", path), "secret": secret,
            "approved_classes": ["public", "internal"], "models": PROVIDER_MODELS, **more,
        }  # fmt: skip

    return {
        "echo": provider("/v1", "env:ECHO_KEY"),
        "refusing": provider("/v1", "env:WRONG_KEY"),
        "late": provider("/open/v1", "env:WRONG_KEY"),
        "written_down": provider("/v1", KEY),
        "in_a_key": provider("/v1", "env:ECHO_KEY", api_key=KEY),
        "in_the_address": {**provider("/v1", "env:ECHO_KEY"),
                           "base_url": f"https://me:{KEY}@127.0.0.1/v1"},
    }  # fmt: skip


def _write_mail(documents: Path) -> None:
    lines = [json.dumps({"id": case, "text": document(case), "unasked": CANARY}) for case in ENDS]
    lines += [
        f'{{"id": "cut", "text": "{WORD}',
        f'"{WORD}"',
        json.dumps({"id": [CANARY], "text": document("valid")}),
        json.dumps({"id": "number", "text": {CANARY: CANARY}}),
        json.dumps({"id": "valid", "text": document("valid")}),
    ]
    _write(documents / "mail/in.jsonl", "\n".join(lines))
    one = json.dumps({"id": "one", "text": document("valid")})
    for job in ("refused", "turned_away", "arrivals"):
        _write(documents / job / "in.jsonl", one)


def _write_orders(documents: Path) -> None:
    asked = f'"{WORD} in a cell"'
    lines = [
        "id,text,country,class,note",
        f"a,{asked},nl,internal,{WORD}",
        f"b,{asked},nl,restricted,{WORD}",
        f"c,{asked},nl,{WORD},shifted",
        f"d,{asked},nl",
        f"e,,nl,internal,{WORD}",
        f'f,"{WORD} and a quote that is not closed,nl,internal,x',
    ]
    _write(documents / "orders/orders.csv", "\n".join(lines))
    _write(documents / "bare/bare.csv", f"m001,{WORD},nl\nm002,other {WORD},de\n")


def _write_letters(folder: Path) -> None:
    text = document("valid")
    _write(folder / "plain.txt", text)
    _write(folder / "page.html", f"<html><title>{WORD}</title><p>{text}<unclosed {WORD}=")
    _write(folder / "post.eml", f"Subject: {WORD}\nFrom: <{WORD}@@>\nDate: {WORD}\n\n{text}")
    (folder / "western.txt").write_bytes(f"{WORD} für {text}".encode("cp1252", "replace"))
    (folder / "zeros.txt").write_bytes(f"{WORD}\0\0\0\xff\xfe".encode("latin-1"))
    (folder / "half.txt").write_bytes(b"\xff\xfe" + WORD.encode("utf-16-le") + b"\x00\xd8x")
    _write(folder / "broken.pdf", f"%PDF-{WORD}\n1 0 obj << /{WORD} >> stream {text}")
    _write(folder / "broken.docx", f"PK\3\4 {WORD}")


def _write_desk(file: Path) -> None:
    with sqlite3.connect(file) as desk:
        desk.execute("CREATE TABLE mails (id, text)")
        desk.execute("INSERT INTO mails VALUES ('a', ?)", (document("valid"),))
        broken = f"{WORD} ".encode() + b"\xff"
        desk.execute("INSERT INTO mails VALUES ('b', CAST(? AS TEXT))", (broken,))
    desk.close()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
