"""`batch-ai estimate`: what a batch would cost and take, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import output
from batch_ai_assets.engine.figures import counted

if TYPE_CHECKING:
    from batch_ai_assets.engine.estimating import Estimate, GroupEstimate
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


@click.command("estimate")
@click.argument("job")
@click.option("--batch", metavar="KEY", help="The batch; else the one that comes next.")
@click.option("--shards", type=click.IntRange(1), help="As if the batch were cut into so many.")
def estimate(job: str, batch: str | None, shards: int | None) -> None:
    """Show what a batch of JOB would cost and take. Nothing is asked and nothing is written."""
    from batch_ai_assets.commands.claim import check_named
    from batch_ai_assets.commands.spoken_events import spoken_events
    from batch_ai_assets.commands.wanted import wanted
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.estimating import estimate as look
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    chosen, key = wanted(load_registry(settings().registry), job, batch, ahead=True)
    if batch is not None:
        check_named(chosen, batch)
    notes = _open_window(chosen, key, datetime.now(UTC))
    with open_deps() as deps, spoken_events(notes.append):
        found = look(chosen, key, deps, shards)
    for line in [*lines(chosen, found, _title(chosen, key, batch)), *notes]:
        output().print(line, markup=False)


def _title(job: ResolvedJob, key: str, named: str | None) -> str:
    """The batch by its name; one that nobody has named yet by what it would hold."""
    if named is not None or job.upstream is not None or job.spec.batches.timed:
        return f"{job.name} {key}"
    arrives = job.spec.batches.cadence == "on_arrival"
    return f"{job.name}, what is waiting" if arrives else f"{job.name}, a new batch"


def _open_window(job: ResolvedJob, key: str, now: datetime) -> list[str]:
    """That more may come, where the window of a timed batch is not over."""
    from zoneinfo import ZoneInfo

    from batch_ai_assets.engine.spec.windows import window_named

    batches = job.spec.batches
    window = window_named(batches, key) if batches.timed else None
    if window is None or window.until <= now:
        return []
    until = window.until.astimezone(ZoneInfo(batches.timezone))
    return [
        f"its window is open until {until:%Y-%m-%d %H:%M} {batches.timezone}: what comes until"
        " then is not counted"
    ]


def lines(job: ResolvedJob, found: Estimate, title: str) -> list[str]:
    """The estimate in words."""
    fates = " + ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.fates.items())
    said = [f"{counted(found.items, 'document')} = {fates or '0 ask'}", title]
    for group in found.groups:
        said += _of_group(group)
    if found.groups:
        said.append(f"cost      {_cost(found)}")
        said.append(f"budget    {_budget(job, found)}")
        said.append(f"time      about {_span(found.seconds)} in all")
    return [*said, _basis(found)]


def _of_group(group: GroupEstimate) -> Iterator[str]:
    work = group.work
    shards = counted(group.shards, "shard")
    if group.shards > 1:
        shards += f", the largest {group.heaviest_share:.2f} × the mean"
    yield (
        f"group {group.group}: {work.items:,} to ask in {shards}; {work.tokens_in:,} tokens in"
        + (f" (about {work.tokens_cached:,} cached)" if work.tokens_cached else "")
        + f", about {work.tokens_out:,} out"
        + (f"; {group.truncated:,} cut to what fits" if group.truncated else "")
        + (f"; {group.divided:,} asked in parts" if group.divided else "")
        + (f", {counted(work.calls, 'call')} in all" if work.calls != work.items else "")
        + (f"; {group.stored:,} more served by stored answers" if group.stored else "")
    )
    yield (
        f"  time      about {_span(work.seconds)} with {counted(work.workers, 'call')} in flight"
        + (f"; the SLA needs {work.workers_for_sla:,}" if work.workers_for_sla else "")
    )
    yield (
        f"  storage   about {_size(work.output_bytes)} of results, "
        f"{_size(work.checkpoint_bytes)} of checkpoints"
    )


def _cost(found: Estimate) -> str:
    if found.most_cost_usd == 0:
        return "free"
    from batch_ai_assets.engine.reporting.wording import usd

    return f"about {usd(found.cost_usd)}, at most {usd(found.most_cost_usd)}"


def _budget(job: ResolvedJob, found: Estimate) -> str:
    budget = job.spec.budget
    limits = []
    if budget.limit_usd is not None:
        limits.append((found.most_cost_usd, budget.limit_usd, f"${budget.limit_usd:,.2f}"))
    if budget.limit_tokens is not None:
        limits.append((found.most_tokens, budget.limit_tokens, f"{budget.limit_tokens:,} tokens"))
    enough = all(most <= limit for most, limit, _ in limits)
    said = " and ".join(words for _, _, words in limits)
    return said + (": enough, by this estimate" if enough else ": may not be enough; then it halts")


def _basis(found: Estimate) -> str:
    if found.learned_from:
        return f"learned from {counted(found.learned_from, 'earlier batch', 'earlier batches')}"
    return "assumed: 2 s a call and answers as long as allowed; earlier batches would tell better"


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"
