"""What a batch costs that has nothing to do: a run of the platform over one of Dagster alone.

CPU without imports, interleaved. dbt is left out of the ratio, since a home can do without it; its
seconds stand in a line of their own. What imports add to a first run is in the details.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from .measure import Measure, show
from .runs import fresh, in_rounds, median_ratio

SIDES = {"plain": "false", "platform": "false", "dbt": "true"}


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        plain, platform, dbt = in_rounds(
            *(lambda name=name: _run(name, Path(folder) / name) for name in SIDES), rounds=3
        )
    ours = [median(one["later"]) for one in platform]
    yield Measure(
        "empty batch: CPU over a run of eight empty assets",
        figure=median_ratio(ours, [median(one["later"]) for one in plain]),
        bar=1.5,
        open=None,
        details={"plain": plain, "platform": platform},
    )
    yield Measure(
        "empty batch: CPU that dbt adds",
        figure=median([median(one["later"]) for one in dbt]) - median(ours),
        bar=15.0,
        open=None,
        unit="s",
        details={"dbt": dbt},
    )


def _run(name: str, home: Path) -> Any:
    os.environ["BATCH_AI_DBT"] = SIDES[name]
    return fresh("empty_run", "plain" if name == "plain" else "platform", home)


if __name__ == "__main__":
    show(measures())
