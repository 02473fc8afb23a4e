"""Progress: how far a batch is, how fast, until when. Pure: figures in, figures out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch at one moment."""

    job: str
    batch: str
    state: str
    done: int
    """Items that need no further call."""
    total: int
    dead: int
    elapsed_seconds: float
    items_per_second: float
    """Over this run; 0.0 before the first item."""
    eta_seconds: float | None
    """Until the last item at the present pace; None while there is no pace."""
    tokens: int
    cost_usd: float

    @property
    def percent(self) -> float:
        return 100.0 * self.done / self.total if self.total else 100.0

    @property
    def items_per_hour(self) -> float:
        return self.items_per_second * 3600


def project(
    job: str,
    batch: str,
    state: str,
    *,
    done_before: int,
    done: int,
    total: int,
    dead: int,
    elapsed_seconds: float,
    tokens: int,
    cost_usd: float,
) -> Progress:
    """Progress from counts; the pace is that of this run, not of what was there before it."""
    pace = (done - done_before) / elapsed_seconds if elapsed_seconds > 0 else 0.0
    return Progress(
        job=job,
        batch=batch,
        state=state,
        done=done,
        total=total,
        dead=dead,
        elapsed_seconds=elapsed_seconds,
        items_per_second=pace,
        eta_seconds=(total - done) / pace if pace > 0 else None,
        tokens=tokens,
        cost_usd=cost_usd,
    )
