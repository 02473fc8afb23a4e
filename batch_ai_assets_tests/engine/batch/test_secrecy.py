"""No document text and no secret where it is not sealed: judged from bytes on disk and in logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.validation.columns import LINEAGE

from ..world import stub, world
from .items import named, plain

CANARY = "Heliotrope4711Wobblegong"
KEY = "sk-KeyCanary-0815-Zebrafish"
REFUSAL_WORDS = "I can't assist"


@dataclass
class Left:
    """Everything a batch left behind."""

    home: Path
    logs: str
    messages: str
    records: list[str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """What a run with every kind of fault leaves, its documents holding a canary."""
    home: Path = tmp_path_factory.mktemp("secrecy")
    lines: list[str] = []
    handler = logging.Handler(logging.NOTSET)
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    kinds = (
        "429(0.01),ok", "500", "reset", "malformed", "schema", "taxonomy", "truncated", "refusal",
        "empty", "400", "413",
    )  # fmt: skip
    rules = {"rules": [{"name": "calm", "sql": "NOT urgent"}]}
    said: list[str] = []
    try:
        with stub(api_key=KEY) as server, world(home, server.base_url, rules, api_key=KEY) as here:
            rows = [named(f"{CANARY} [[stub:{kind}]]") for kind in kinds]
            rows += [named(CANARY) for _ in range(10)]
            broken = [f'{{"id": "x{n}", "text": ["{CANARY}"]}}' for n in range(2)]
            broken += [f'{{"text": "{CANARY}", ', f"{CANARY}"]
            here.write_messages([*rows, *broken, named(f"{CANARY} [[stub:ok,quota,ok]]")])
            for mode in (Mode.RESUME, Mode.FRESH, Mode.FRESH):
                outcome = here.run(mode=mode)
                said.append(f"{outcome.message} {outcome.record}")
            assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
            here.write_messages([*plain(1), *rows])
            here.run("tuesday")
            letters = here.deps.store.dead_letters("topics")
            said += [f"{letter.item_id} {letter.message}" for letter in letters]
            said += [str(row) for row in here.deps.store.overview()]
            records = [
                here.deps.store.batches.latest_record("topics", batch) or ""
                for batch in ("b1", "tuesday")
            ]
            # Where the store is still open, so that its write-ahead log is on disk as well.
            yield Left(home, "\n".join(lines), "\n".join(said), records)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def test_logs_hold_neither_documents_nor_keys_nor_answers(left: Left) -> None:
    assert '"event":"batch_planned"' in left.logs, "logging was captured"
    for secret in (CANARY, KEY, REFUSAL_WORDS):
        assert secret not in left.logs


def test_messages_records_and_dead_letter_stories_hold_neither_documents_nor_keys(
    left: Left,
) -> None:
    assert len(left.records[0]) > 1000
    for text in (left.messages, *left.records):
        for secret in (CANARY, KEY, REFUSAL_WORDS):
            assert secret not in text


@pytest.mark.parametrize("secret", [CANARY, KEY, REFUSAL_WORDS, "no-such-option"])
def test_no_file_of_the_state_store_holds_documents_answers_or_keys(
    secret: str, left: Left
) -> None:
    files = [path for path in (left.home / "state").iterdir() if path.is_file()]
    assert {"state.sqlite", "state.sqlite-wal"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert secret.encode() not in content
        assert secret.encode("utf-16-le") not in content


@pytest.mark.parametrize("secret", [CANARY, KEY, REFUSAL_WORDS])
def test_no_published_table_holds_documents_or_keys(secret: str, left: Left) -> None:
    """Decompressed: a canary inside a compressed page would not show in the file's bytes."""
    import pyarrow.parquet as pq

    parts = list((left.home / "data").rglob("*.parquet"))
    assert len(parts) > 10
    for part in parts:
        table = pq.read_table(part)
        for name in table.column_names:
            for value in table[name].to_pylist():
                content = value if isinstance(value, bytes) else str(value).encode()
                assert secret.encode() not in content, (part, name)
    for path in (left.home / "data").rglob("*.json"):
        assert secret not in path.read_text()


def test_keys_are_files_that_only_their_owner_reads(left: Left) -> None:
    keys = left.home / "keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    (key,) = keys.glob("*.key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32


def test_result_rows_carry_the_answer_and_lineage_and_nothing_else(left: Left) -> None:
    import pyarrow.parquet as pq

    part = next((left.home / "data/topics/results/b1").rglob("*.parquet"))
    names = pq.read_schema(part).names
    assert names == [*(column.name for column in LINEAGE), "topic", "urgent", "flags"]
