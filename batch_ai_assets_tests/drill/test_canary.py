"""A word in documents, keys and passwords in settings: runs keep them sealed, or not at all.

The whole life of batches, from the command line and in `dagster dev`, with a provider that repeats
what it is told. Then everything that was written or printed is searched.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .canary import Search, Sighting
from .canary_world import (
    CANARY,
    KEY,
    OPENED_WORDS,
    OUTPUT_FIELDS,
    PASSWORD,
    SECRETS,
    SPELT_OTHERWISE,
    WORD,
    WORDS,
    write_jobs,
)
from .dagster_ui import REPOSITORY, Ui, dagster_dev, until
from .echo_provider import echo_provider

ANSWERS_STAND_IN = ("results", "enriched_outputs", "review_queue")
"""Tables that hold what the model answered, in columns of their own."""
LOOK_SECONDS = 0.05


@dataclass
class Life:
    """What a life of batches left behind, and what it said on the way."""

    folder: Path
    registry: Path
    said: dict[str, str] = field(default_factory=dict)
    """Command → what it printed."""
    opened: dict[str, str] = field(default_factory=dict)
    """The same of commands that open documents or show answers, which is what they are for."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        secrets = {name: value.format(folder=self.folder) for name, value in SECRETS.items()}
        return {
            **secrets, "BATCH_AI_HOME": str(self.home), "BATCH_AI_REGISTRY": str(self.registry),
            "BATCH_AI_DBT": "true", "BATCH_AI_LOG_LEVEL": "DEBUG", "PYTHONWARNINGS": "default",
            "TMPDIR": str(self.folder / "tmp"), "COLUMNS": "200",
        }  # fmt: skip

    def do(self, *words: str, ends: int = 0, opens: bool = False, **more: str) -> None:
        """One command, as a person types it."""
        done = subprocess.run(
            [sys.executable, "-m", "batch_ai_assets.cli", *words],
            cwd=REPOSITORY, env={**os.environ, **self.environment, **more}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == ends, done.stdout
        kept = self.opened if opens else self.said
        kept[f"{len(self.said) + len(self.opened)}: {' '.join(words)}"] = done.stdout


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("canary")
    with echo_provider(KEY) as base_url, passing_files(folder, "home", "tmp"):
        life = Life(folder, write_jobs(folder, base_url))
        by_hand(life)
        with dagster_dev(life.home, life.registry, **life.environment) as ui:
            by_itself(ui)
    return life


@contextmanager
def passing_files(folder: Path, *names: str) -> Iterator[None]:
    """Files that lie in these folders for a moment, such as logs of databases, keep a second name
    in `passing`."""
    kept = folder / "passing"
    for place in (kept, *(folder / name for name in names)):
        place.mkdir(mode=0o700)
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            for name in names:
                for here, _, files in os.walk(folder / name):
                    for file in files:
                        _keep(Path(here) / file, kept)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep(path: Path, kept: Path) -> None:
    if path.suffix in (".db", ".sqlite"):
        return  # they stay, and take no second name well
    with suppress(OSError):  # gone already, or kept already
        os.link(path, kept / f"{path.stat().st_ino}-{path.name}")


def by_hand(life: Life) -> None:
    """Runs that end in every way, and everything that a person looks at and decides."""
    fast = {"BATCH_AI_DBT": "false"}
    life.do("validate", ends=1)
    life.do("estimate", "mail")
    life.do("run", "mail", "--batch", "monday", "--verbose")
    for job in ("orders", "letters", "desk"):
        life.do("run", job, "--batch", "monday", "--verbose", **fast)
        life.do("dlq", "list", job)
    for job in ("bare", "away", "refused", "turned_away"):
        life.do("run", job, "--batch", "monday", "--verbose", ends=1, **fast)
    strange = f"postgresql+psycopg://me:first@{PASSWORD}@127.0.0.1:9/state"
    life.do("status", ends=1, BATCH_AI_STATE_URL=strange)
    life.do("status")
    life.do("checks", "mail", "monday")
    life.do("governance", "mail")
    life.do("alerts", "--all")

    mail = ("mail", "monday")
    life.do("dlq", "list", "mail")
    life.do("dlq", "show", *mail, "http400")
    life.do("dlq", "export", *mail, "--output", str(life.home / "letters.jsonl"))
    life.do("dlq", "show", *mail, "http400", "--payload", opens=True)
    life.do("dlq", "export", *mail, "--payload", opens=True)
    life.do("review", "list", *mail, opens=True)
    life.do("review", "show", *mail, "review_a", opens=True)
    life.do("sql", "mail", "SELECT item_id, summary FROM mail", opens=True)

    right = ("--set", f"summary={CANARY}", "--set", "sure=0.9", "--why", "it said too little")
    life.do("review", "correct", *mail, "review_a", *right)
    wrong = ("--set", f"topic={CANARY}", "--why", "it said too little")
    life.do("review", "correct", *mail, "review_b", *wrong, ends=1)
    life.do("dlq", "discard", *mail, "refusal", "--why", "no letter")
    life.do("dlq", "replay", *mail, "http500", "--root-cause", "it was away", **fast)
    life.do("run", "mail", "--batch", "monday", "--fresh", BATCH_AI_TRANSPORT="pyreqwest", **fast)
    life.do("dbt", *mail)
    life.do("fsck", *mail)


def by_itself(ui: Ui) -> None:
    """Sensors at work, and runs in processes of their own, whose output Dagster captures."""
    until(lambda: ui.check("job_registry", "every_job_loads"), "the registry's check", 120)
    arrived = until(lambda: ui.runs("arrivals") or None, "files to arrive", 120)
    ui.add_batch("refused", "tuesday")
    refused = ui.launch("refused", "tuesday")
    assert ui.finished(arrived[0]["runId"])["status"] == "SUCCESS"
    assert ui.finished(refused)["status"] == "FAILURE"


@pytest.fixture(scope="module")
def sightings(life: Life) -> list[Sighting]:
    """Every place where a word stands that a run wrote or printed."""
    search = Search(WORDS)
    found: list[Sighting] = []
    for name in ("home", "tmp", "passing"):
        found += search.folder(life.folder / name)
    for command, text in life.said.items():
        found += search.text(command, text.encode())
    for command, text in life.opened.items():
        found += [
            one for one in search.text(command, text.encode()) if one.word not in OPENED_WORDS
        ]
    return found


def test_documents_keys_and_passwords_stand_nowhere_but_in_columns_of_answers(
    life: Life, sightings: list[Sighting]
) -> None:
    answers = {(one.place, one.word) for one in sightings if is_answer(one)}
    # The bytes of such a table hold its columns, and a summary of them; all else was read apart.
    strange = [
        one for one in sightings
        if not is_answer(one) and not (one.inside == "" and (one.place, one.word) in answers)
    ]  # fmt: skip
    assert not strange, "\n".join(map(str, strange))


def is_answer(one: Sighting) -> bool:
    """Whether it is in a column for what the job itself puts out, in a table that has such."""
    data, _, asset, *_ = [*one.place.split("/"), "", ""]
    return data == "data" and asset in ANSWERS_STAND_IN and one.inside in OUTPUT_FIELDS


def hidden(word: str, folder: Path) -> None:
    """A file for each way in which a word may lie somewhere without being seen."""
    raw, said = word.encode(), json.dumps({"said": word})
    ways = {
        "plain": raw, "capitals": word.upper().encode(), "utf16": f"x{word}".encode("utf-16"),
        "hex": raw.hex().encode(), "json": said.encode(), "json-in-json": json.dumps(said).encode(),
        "html": html.escape(word).encode(), "address": quote(word).encode(),
        "repr": repr(raw.decode()).encode(), "packed": b"head" + zlib.compress(raw) + b"tail",
        "gzip": gzip.compress(raw),
        **{f"base64-{n}": base64.b64encode(b"x" * n + raw + b"x") for n in range(3)},
        "base64-of-utf16": base64.b64encode(word.encode("utf-16")),
    }  # fmt: skip
    for name, content in ways.items():
        (folder / name).write_bytes(content)
    (folder / f"name-{WORD}").touch()
    nested = pa.table({"deep": [[{"in": [word]}]] * 3, "none": [None] * 3})
    pq.write_table(nested, folder / "table", compression="zstd")
    database = sqlite3.connect(folder / "database")
    database.execute("CREATE TABLE t (a, b)")
    database.execute("INSERT INTO t VALUES (?, ?)", ("x" * 9000, zlib.compress(b"y" * 9000 + raw)))
    database.commit()
    database.close()


@pytest.mark.parametrize("word", [WORD, SPELT_OTHERWISE])
def test_a_word_is_found_in_whatever_way_it_is_hidden(word: str, tmp_path: Path) -> None:
    hidden(word, tmp_path)

    found = {one.place for one in Search([word, WORD]).folder(tmp_path)}

    assert found == {path.name for path in tmp_path.iterdir()}


def test_the_word_was_there_to_be_found(life: Life, sightings: list[Sighting]) -> None:
    assert {one.place.split("/")[2] for one in sightings if is_answer(one)} == {*ANSWERS_STAND_IN}
    assert all(WORD in text for name, text in life.opened.items() if "review list" not in name)
    written = {path.name for path in life.folder.rglob("*") if path.is_file()}
    assert {"report.html", "index.db", "runs.db", "schedules.db", "state.sqlite"} <= written
    passing = {path.name.partition("-")[2] for path in (life.folder / "passing").iterdir()}
    assert {"state.sqlite-wal", "manifest.json", "batch.duckdb"} <= passing
    assert any(path.name.endswith((".out", ".err")) for path in life.home.rglob("*"))
