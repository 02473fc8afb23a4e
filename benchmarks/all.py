"""Every measurement, or those that are named, one after the other; ends with one table.

    python -m benchmarks.all [NAME ...] [--json FILE] [--full]
"""

from __future__ import annotations

import argparse
import importlib
import os
import tempfile
from pathlib import Path

from .measure import Measure, table

FULL = "BENCH_FULL"
"""In the environment of every measurement where the million is wanted."""


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="modules of benchmarks/, such as bench_memory")
    parser.add_argument("--json", type=Path, default=Path(tempfile.gettempdir()) / "bench.jsonl")
    parser.add_argument("--full", action="store_true", help="with the million")
    told = parser.parse_args()
    if told.full:
        os.environ[FULL] = "1"
    found: list[Measure] = []
    for name in told.names or names():
        print(f"== {name}", flush=True)
        for one in importlib.import_module(f"benchmarks.{name}").measures():
            print(one.as_json(), flush=True)
            found.append(one)
    told.json.write_text("".join(one.as_json() + "\n" for one in found))
    print(f"\n{table(found)}\n\nas JSON: {told.json}")


if __name__ == "__main__":
    main()
