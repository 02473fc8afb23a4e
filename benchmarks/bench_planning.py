"""Planning a large batch: memory must not grow with its rows, and time only in proportion.

Prints a table and a JSON line. BENCH_ROWS sets the larger number of rows (1,000,000).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FEW = 50_000
MANY = int(os.environ.get("BENCH_ROWS", "1000000"))
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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for rows in (FEW, MANY):
            path = Path(folder) / f"{rows}.parquet"
            write_rows(path, rows)
            found.append(measured(path))
            path.unlink()
    print(f"{'rows':>10} {'peak MB':>8} {'CPU µs/row':>11} {'rows/s':>8} {'shards':>7}")
    for one in found:
        print(
            f"{one['rows']:>10,} {one['peak_bytes'] / 1e6:>8,.0f}"
            f" {1e6 * one['cpu_seconds'] / one['rows']:>11.1f}"
            f" {one['rows'] / one['seconds']:>8,.0f} {one['shards']:>7}"
        )
    growth = found[1]["peak_bytes"] / found[0]["peak_bytes"]
    verdict = "held" if growth <= MEMORY_BAR else "BROKEN"
    print(f"memory {growth:.2f} × (bar {MEMORY_BAR}: {verdict})")
    print(json.dumps({"measure": "planning", "runs": found, "memory_growth": growth}))


if __name__ == "__main__":
    main()
