"""Jobs on whole data sets, from the command line to the report, on the real small model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from batch_ai_assets.engine.reporting.completion import CompletionRecord
from batch_ai_assets.engine.spec.registry import BUNDLED_REGISTRY

from ..acceptance import banking77
from ..jobs import job_file, write_registry
from ..registry.messages import MESSAGES
from .dagster_ui import REPOSITORY

LONGEST = 1200
"""Seconds. The small model alone takes two to three minutes of CPU for all messages."""
TOGETHER = 10
EACH = 20
"""Messages of each intent that are asked both ways: 1,540 of them."""


def batch_ai(home: Path, registry: Path, *words: str) -> str:
    """The command line on a home and a registry; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "batch_ai_assets.cli", *words],
        cwd=REPOSITORY,
        env={**os.environ, "BATCH_AI_HOME": str(home), "BATCH_AI_REGISTRY": str(registry)},
        text=True, capture_output=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def only_report(home: Path, job: str) -> CompletionRecord:
    (path,) = (home / "data" / job / "completion_report").glob("*/*/report.json")
    return CompletionRecord.from_json(path.read_bytes())


@pytest.mark.timeout(LONGEST)
def test_77_intents_of_9772_messages_are_told_as_rightly_as_by_a_plain_try(
    tmp_path: Path, real_data: Path
) -> None:
    """Three examples of each intent, and its name; no row of the data set is used otherwise."""
    home, registry = tmp_path / "home", tmp_path / "registry"
    examples, others = banking77.split(banking77.read_rows(real_data))
    banking77.write_job(registry, examples)
    banking77.write_messages(home, others)

    started = time.monotonic()
    said = batch_ai(home, registry, "run", banking77.JOB, "--batch", "all")
    print(f"{len(others)} messages in {time.monotonic() - started:.0f} s")

    record = only_report(home, banking77.JOB)
    assert "9,772 items = 0 pending + 9,772 valid" in said
    assert record.conservation.holds
    (shown,) = record.accuracy
    print(f"accuracy {shown.share:.4f}, macro-F1 {shown.macro_f1:.4f}")
    assert shown.n == 9_772
    assert shown.share >= 0.73
    assert shown.macro_f1 is not None
    assert shown.macro_f1 >= 0.73


@pytest.mark.timeout(LONGEST)
def test_messages_asked_by_tens_are_told_as_rightly_as_one_by_one_in_a_tenth_of_the_calls(
    tmp_path: Path, real_data: Path
) -> None:
    examples, others = banking77.split(banking77.read_rows(real_data))
    rows = banking77.sample(others, EACH)
    said, calls = {}, {}
    for together in (1, TOGETHER):
        home, registry = tmp_path / f"home-{together}", tmp_path / f"registry-{together}"
        banking77.write_job(registry, examples, together)
        banking77.write_messages(home, rows)
        batch_ai(home, registry, "run", banking77.JOB, "--batch", "all")
        said[together] = banking77.said(home, "all")
        calls[together] = only_report(home, banking77.JOB).calls
    alone, packed = (banking77.share_right(answers, rows) for answers in said.values())
    differing = sum(said[1][row.id] != said[TOGETHER][row.id] for row in rows)
    print(
        f"{len(rows)} messages: alone {alone:.4f} in {calls[1]} calls, packed by {TOGETHER} "
        f"{packed:.4f} in {calls[TOGETHER]} calls, {differing} answers differ"
    )
    ids = {row.id for row in rows}
    assert said[1].keys() == said[TOGETHER].keys() == ids
    assert calls[TOGETHER] <= 1.1 * calls[1] / TOGETHER
    assert abs(packed - alone) <= 0.01


def test_contracts_are_cut_into_as_many_even_shards_as_the_command_line_says(
    tmp_path: Path, real_data: Path
) -> None:
    home, registry = tmp_path / "home", tmp_path / "registry"
    job = job_file(
        "contracts",
        input={"path": "{home}/contracts", "format": "text"},
        model={"provider": "local", "name": "stub"},
        over_length="truncate",
    )
    write_registry(registry, job)
    shutil.copytree(real_data / "cuad_contracts" / "txt", home / "contracts")

    batch_ai(home, registry, "run", "contracts", "--batch", "all", "--shards", "12")

    record = only_report(home, "contracts")
    (group,) = record.groups
    assert (group.shards, group.to_ask) == (12, 129)
    assert group.largest_shard <= 1.05
    assert record.truncated > 0
    assert "only the beginning was asked" in " ".join(
        path.read_text() for path in (home / "data").glob("contracts/completion_report/*/*/*.md")
    )


def test_messages_in_the_inbox_of_the_bundled_job_are_sorted_and_measured(tmp_path: Path) -> None:
    home = tmp_path / "home"
    inbox = home / "inbox" / "message_triage"
    inbox.mkdir(parents=True)
    texts = [(text, intent) for intent, texts in MESSAGES.items() for text in texts]
    lines = [
        json.dumps({"id": f"m{number}", "text": text, "known_intent": intent})
        for number, (text, intent) in enumerate(texts)
    ]
    file = inbox / "monday.jsonl"
    file.write_text("\n".join(lines) + "\n")
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))

    batch_ai(home, BUNDLED_REGISTRY, "run", "message_triage")

    record = only_report(home, "message_triage")
    counts = record.conservation
    assert (counts.items, counts.pending, counts.dead) == (len(texts), 0, 0)
    assert counts.review < len(texts) / 2
    assert record.accuracy[0].n == len(texts)
    assert record.accuracy[0].share >= 0.85
    assert "nothing" in batch_ai(home, BUNDLED_REGISTRY, "run", "message_triage").lower()
