"""Peak memory of the engine, online path: many items over few. Each run a fresh process."""

from __future__ import annotations

from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .measure import Measure, show
from .runs import FULL, fresh

FEW, MANY = 10_000, 1_000_000 if FULL else 200_000


def peak(url: str, items: int) -> int:
    """Bytes; while items are asked, planning apart."""
    found = fresh("memory_run", url, items, seconds=3600)
    assert found["answered"] == items, found
    return int(found["peak_bytes"])


def measures() -> Iterator[Measure]:
    with LocalProvider(ServerOptions(model="stub")) as server:
        few, many = peak(server.base_url, FEW), peak(server.base_url, MANY)
    yield Measure(
        f"memory while asking, {MANY:,} items over {FEW:,}",
        figure=many / few,
        bar=1.2,
        open=1.5,
        details={"few_mb": few / 1e6, "many_mb": many / 1e6},
    )
    yield Measure(
        f"memory while asking, {MANY:,} items", many / 1e6, bar=200, open=None, unit="MB"
    )


if __name__ == "__main__":
    show(measures())
