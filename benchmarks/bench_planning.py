"""Planning a large batch: memory must not grow with its rows, and time only in proportion."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .measure import Measure, show
from .runs import fresh

FEW, MANY = 50_000, 1_000_000
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


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for rows in (FEW, MANY):
            path = Path(folder) / f"{rows}.parquet"
            write_rows(path, rows)
            found.append(fresh("planning_run", path))
            path.unlink()
    few, many = found
    yield Measure(
        f"planning: memory, {MANY:,} rows over {FEW:,}",
        figure=many["peak_bytes"] / few["peak_bytes"],
        bar=1.2,
        open=1.5,
        details={"runs": found},
    )


if __name__ == "__main__":
    show(measures())
