"""Every measurement, or those that are named: `python -m benchmarks [bench_NAME ...]`.

One table at the end, whatever happened on the way. Leaves with 1 where a measurement broke down;
a bar that is missed is said in the table and is no error.
"""

import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from .measure import Measure, show


def every_name() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


def every_measure(names: list[str], broken: list[str]) -> Iterator[Measure]:
    """The measures of these modules; the name of one that broke down goes to `broken`."""
    for name in names:
        print(name, file=sys.stderr)
        try:
            yield from importlib.import_module(f"benchmarks.{name}").measures()
        except Exception:
            traceback.print_exc()
            broken.append(name)


def main(names: list[str]) -> int:
    broken: list[str] = []
    show(every_measure(names or every_name(), broken))
    if broken:
        print(f"broke down, see above: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
