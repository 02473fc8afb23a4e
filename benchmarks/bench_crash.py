"""Kill -9 at random instants of a run with 256 calls in flight: what is lost, what is paid twice.

Real processes, on the stage of the crash tests. After each kill a second run goes on to the end.
Judged from outside: by what the server counted and by the rows that consumers read.

A call counts as in flight up to the most that the killed run had under way at once. Beyond those,
only answers may be paid twice that no commit had taken yet: as many as came, at the highest rate
that the server saw, in the interval between two commits and the time of one, both the longest that
the killed run had.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets_tests.engine.crash.documents import plain
from batch_ai_assets_tests.engine.crash.scene import Scene
from batch_ai_assets_tests.engine.crash.victim import Victim, victim
from batch_ai_assets_tests.engine.world import stub
from benchmarks.measure import Measure, show

KILLS, IN_FLIGHT, TOGETHER = 30, 256, 20
LATENCY_MS = 100.0
ITEMS = {1: 4_000, TOGETHER: 20_000}
"""By how many go together: each time several rounds of all calls in flight."""
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 120.0
_TRIES = 4

Seen = Sequence[tuple[float, int]]
"""When was looked, monotonic seconds, and how many items had been answered by then."""


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill did, in items; times in seconds."""

    together: int
    after_seconds: float
    """Since all calls were in flight."""
    answered: int
    in_flight: int
    """The most at once."""
    exposed_seconds: float
    """Interval between commits + commit time."""
    rate: float
    """The most that were answered in so long, a second."""
    paid_twice: int
    lost: int

    @property
    def beyond(self) -> int:
        """Paid twice, and not because they were in flight."""
        return max(0, self.paid_twice - self.in_flight)

    @property
    def allowed(self) -> float:
        """The most of those that there may be."""
        return self.rate * self.exposed_seconds

    @property
    def share(self) -> float:
        return self.beyond / max(1.0, self.allowed)


def staged(home: Path, name: str, together: int, provider: LocalProvider) -> Scene:
    spec = {
        "limits": {"concurrency": IN_FLIGHT},
        "retry": {"timeout_seconds": 60.0},
        "prompt": {"version": "1", "items_per_request": together},
        "budget": {"limit_usd": 1000.0},  # no call waits for money
    }
    documents = [plain(name, number) for number in range(ITEMS[together])]
    return Scene(home, provider, documents, spec).set_up()


def watch(
    one: Victim, seconds: float, together: int, provider: LocalProvider
) -> tuple[float, Seen]:
    """When all calls were in flight, and what was answered until so many seconds after that."""
    full_at, until = 0.0, time.monotonic() + _PATIENCE_SECONDS
    seen: list[tuple[float, int]] = []
    while one.alive and time.monotonic() < until:
        stats = provider.stats(items=False)
        seen.append((time.monotonic(), stats["answers"] * together))
        if not full_at and stats["max_in_flight"] == IN_FLIGHT:
            full_at = time.monotonic()
            until = min(until, full_at + seconds)
        time.sleep(_LOOK_SECONDS)
    return full_at, seen


def asking_seconds(scene: Scene, together: int, provider: LocalProvider) -> float:
    """From the moment when all calls are in flight to the last answer, if nobody kills the run."""
    with victim(scene.order()) as one:
        full_at, seen = watch(one, _PATIENCE_SECONDS, together, provider)
        assert one.wait() == 0
    assert full_at, f"there were never {IN_FLIGHT} calls in flight"
    assert scene.paid_twice() == 0
    return next(at for at, answered in seen if answered == seen[-1][1]) - full_at


def highest_rate(seen: Seen, seconds: float) -> float:
    """The most items a second that were answered in any stretch of so long, or a little more."""
    most, start = 0.0, 0
    for at, answered in seen:
        while start + 1 < len(seen) and at - seen[start + 1][0] >= seconds:
            start += 1
        most = max(most, (answered - seen[start][1]) / max(seconds, at - seen[start][0]))
    return most


def kill(scene: Scene, seconds: float, together: int, provider: LocalProvider) -> Kill | None:
    """Kill a run so long after all its calls were in flight; another one goes on to the end.

    None where the run was done before it could be killed.
    """
    with victim(scene.order()) as one:
        _, seen = watch(one, seconds, together, provider)
        if not scene.kill(one):
            return None
    stats, exposed = provider.stats(items=False), scene.exposed_seconds()
    seen = [*seen, (scene.died_at, stats["answers"] * together)]
    scene.resume()
    rows = Counter(row["item_id"] for row in scene.released())
    return Kill(
        together=together,
        after_seconds=seconds,
        answered=seen[-1][1],
        in_flight=stats["max_in_flight"] * together,
        exposed_seconds=exposed,
        rate=highest_rate(seen, exposed) if exposed else 0.0,
        paid_twice=sum(scene.calls().values()) - len(scene.documents),
        lost=sum(rows[document.item_id] != 1 for document in scene.documents),
    )


def kills() -> Iterator[Kill]:
    """One way of asking, then the other, at instants of which none is left out."""
    chance = random.Random(20261122)
    with tempfile.TemporaryDirectory() as folder, stub(latency_ms=LATENCY_MS) as provider:
        for together in ITEMS:
            name = f"clean-{together}"
            clean = staged(Path(folder) / name, name, together, provider)
            lasts = asking_seconds(clean, together, provider)
            each = KILLS // len(ITEMS)
            for number in range(each):
                seconds = lasts * (number + chance.random()) / each
                for attempt in range(_TRIES):
                    name = f"kill-{together}-{number}-{attempt}"
                    scene = staged(Path(folder) / name, name, together, provider)
                    if (one := kill(scene, seconds, together, provider)) is not None:
                        yield one
                        break


def measures() -> Iterator[Measure]:
    found = list(kills())
    assert len(found) == KILLS, f"only {len(found)} runs could be killed"
    lost = sum(one.lost for one in found)
    yield Measure(
        f"lost after kill -9 at {len(found)} instants, {IN_FLIGHT} calls in flight",
        lost, 0, 0, "items", details={"kills": [asdict(one) for one in found]},
    )  # fmt: skip
    for together in ITEMS:
        worst = max((k for k in found if k.together == together), key=lambda k: k.share)
        details = {**asdict(worst), "beyond": worst.beyond, "allowed": worst.allowed}
        how = f"{together} a request" if together > 1 else "one a request"
        yield Measure(
            f"paid twice beyond in flight over rate × (interval + commit time), {how}",
            worst.share, 1.0, 2.0, details=details,
        )  # fmt: skip
        print(
            f"    the worst of {together} a request: paid twice {worst.paid_twice}, bound "
            f"{worst.in_flight} + {worst.rate:.0f}/s × {worst.exposed_seconds:.3f} s = "
            f"{worst.in_flight + worst.allowed:.0f}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    show(measures())
