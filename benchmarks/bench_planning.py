"""Planning a large batch: memory must not grow with its rows, and time only in proportion.

200,000 rows, a million where all is measured (`make bench-full`).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .all import FULL
from .measure import Measure

FEW = 50_000
MANY = 1_000_000 if FULL in os.environ else 200_000
MEMORY_BAR = 1.2
WORDS = "account balance card transfer payment refund branch limit statement fee order app".split()


def write_rows(path: Path, rows: int) -> None:
    """Messages of 5 to 200 words, all of them different."""
    chance = random.Random(7)
    schema = pa.schema(
        [("id", pa.string()), ("text", pa.string()), ("written_at", pa.timestamp("us", tz="UTC"))]
    )
    when = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, 10_000):
            numbers = range(first, min(first + 10_000, rows))
            texts = [
                " ".join([*chance.choices(WORDS, k=int(5 * 40 ** chance.random())), str(number)])
                for number in numbers
            ]
            ids = [f"message-{number}" for number in numbers]
            writer.write_batch(
                pa.record_batch([ids, texts, [when] * len(ids)], schema=schema)
            )


def measured(path: Path) -> dict[str, Any]:
    """What a process of its own found out about planning this file."""
    command = [sys.executable, "-m", "benchmarks.planning_run", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for rows in (FEW, MANY):
            path = Path(folder) / f"{rows}.parquet"
            write_rows(path, rows)
            found.append(measured(path))
            path.unlink()
    few, many = found
    yield Measure(
        f"memory, {MANY:,} rows planned over {FEW:,}",
        many["peak_bytes"] / few["peak_bytes"],
        MEMORY_BAR,
        None,
        details={
            "few_mb": round(few["peak_bytes"] / 1e6),
            "many_mb": round(many["peak_bytes"] / 1e6),
            "cpu_us_per_row": round(1e6 * many["cpu_seconds"] / many["rows"], 1),
            "shards": many["shards"],
        },
    )
