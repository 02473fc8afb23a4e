"""A job over the 77 intents of the banking77 messages, built from the data file when it is needed.

Its intents are their names alone, its examples three rows of each: the job shows nothing that the
file does not, and the file's sentences stay where they are.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batch_ai_assets.engine.tables import TableStore

JOB = "banking77"
EXAMPLES_EACH = 3


@dataclass(frozen=True)
class Row:
    """One message and what it is about, by the label of the data set."""

    id: str
    text: str
    intent: str


def read_rows(data: Path) -> list[Row]:
    """Every row of the data file, in its order."""
    with (data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return [Row(row["id"], row["text"], row["category"]) for row in csv.DictReader(file)]


def split(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Three rows of each intent as examples, and all the others.

    Drawn by the hash of the id: the same in every run, and nobody has picked them.
    """
    by_intent: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_intent[row.intent].append(row)
    drawn = {intent: sorted(some, key=_lot) for intent, some in sorted(by_intent.items())}
    examples = [row for some in drawn.values() for row in some[:EXAMPLES_EACH]]
    others = [row for some in drawn.values() for row in some[EXAMPLES_EACH:]]
    return examples, others


def sample(rows: Iterable[Row], each: int) -> list[Row]:
    """So many rows of every intent, from those that are left over by `split`."""
    taken: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if len(taken[row.intent]) < each:
            taken[row.intent].append(row)
    return [row for some in taken.values() for row in some]


def _lot(row: Row) -> bytes:
    return hashlib.sha256(row.id.encode()).digest()


def write_job(registry: Path, examples: Iterable[Row], together: int = 1) -> None:
    """The job's folder, as somebody would write it who has a list of names and some messages.

    `together`: how many messages go in one request.
    """
    folder = registry / JOB
    folder.mkdir(parents=True)
    shown = list(examples)
    intents = list(dict.fromkeys(row.intent for row in shown))
    (folder / "job.yaml").write_text(yaml.safe_dump(_job(intents, together), sort_keys=False))
    (folder / "prompt.md").write_text("Say what the customer of a bank asks about.\n")
    solved = [{"text": row.text, "output": {"intent": row.intent}} for row in shown]
    (folder / "examples.yaml").write_text(yaml.safe_dump(solved, allow_unicode=True))


def _job(intents: list[str], together: int) -> dict[str, Any]:
    return {
        "job": JOB,
        "owner": "team:customer-care",
        "purpose": "Sort the messages of a bank's customers by what they ask about.",
        "data_classification": "public",
        "input": {
            "path": "{home}/inbox/banking77",
            "format": "csv",
            "attributes": ["category"],
        },
        "model": {
            "provider": "local",
            "name": "minilm-classifier",
            "parameters": {"max_tokens": 64},
        },
        "prompt": {
            "version": "1",
            "examples": "examples.yaml",
            "items_per_request": together,
        },
        "output": {
            "schema": {"type": "object", "properties": {"intent": {"type": "string"}}},
            "taxonomy": {"intent": dict.fromkeys(intents, "")},
        },
        "limits": {"concurrency": 4},
        "budget": {"limit_tokens": 1_000_000_000},
        "evaluation": {"field": "intent", "truth": "category"},
    }


def write_messages(home: Path, rows: Iterable[Row]) -> Path:
    """The messages in the job's inbox, with the columns of the data file."""
    path = home / "inbox" / JOB / "messages.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "text", "category"])
        out.writerows((row.id, row.text, row.intent) for row in rows)
    return path


def said(home: Path, batch: str) -> dict[str, str]:
    """The intent of every message of a batch, as consumers read it."""
    tables = TableStore(str(home / "data"))
    current = tables.current(JOB, batch)
    assert current is not None
    rows = tables.open(current.path).to_arrow().to_pylist()
    return {row["item_id"]: row["intent"] for row in rows}


def share_right(answers: Mapping[str, str], rows: Sequence[Row]) -> float:
    """Of all these messages, those whose intent was told right."""
    return sum(answers[row.id] == row.intent for row in rows) / len(rows)


def macro_f1(pairs: Iterable[tuple[str, str]]) -> float:
    """The mean over all labels of the harmonic mean of precision and recall; (said, right)."""
    said: defaultdict[str, int] = defaultdict(int)
    true: defaultdict[str, int] = defaultdict(int)
    both: defaultdict[str, int] = defaultdict(int)
    for answer, label in pairs:
        said[answer] += 1
        true[label] += 1
        both[label] += answer == label
    return sum(2 * both[one] / (said[one] + true[one]) for one in true) / len(true)
