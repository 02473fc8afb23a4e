"""`batch-ai estimate`: what a batch would cost and take, before anything is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.estimating import Estimate
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


@click.command("estimate")
@click.argument("job")
@click.option("--batch", metavar="KEY", help="The batch; else the one that `run` would take.")
@click.option("--shards", type=click.IntRange(1), help="As if the batch were cut into so many.")
def estimate(job: str, batch: str | None, shards: int | None) -> None:
    """Show what a batch of JOB would cost and take. Nothing is asked and nothing is written."""
    from batch_ai_assets.commands.wanted import wanted
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.estimating import estimate as look
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    chosen, key = wanted(load_registry(settings().registry), job, batch)
    with open_deps() as deps:
        found = look(chosen, key, deps, shards)
    for line in lines(chosen, found):
        output().print(line, markup=False)


def lines(job: ResolvedJob, found: Estimate) -> list[str]:
    """The estimate in words."""
    fates = " + ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.fates.items())
    said = [f"{found.items:,} items = {fates or '0 ask'}", f"{found.job} {found.batch}"]
    for group in found.groups:
        work = group.work
        said += [
            f"group {group.group}: {work.items:,} to ask in {group.shards:,} shards, the largest "
            f"{group.heaviest_share:.2f} × the mean; {work.tokens_in:,} tokens in, about "
            f"{work.tokens_out:,} out"
            + (f"; {group.truncated:,} cut to what fits" if group.truncated else "")
            + (f"; {group.stored:,} more served by stored answers" if group.stored else ""),
            f"  time      about {_span(work.seconds)} with {work.workers:,} calls in flight"
            + (f"; the SLA needs {work.workers_for_sla:,}" if work.workers_for_sla else ""),
            f"  storage   about {_size(work.output_bytes)} of results, "
            f"{_size(work.checkpoint_bytes)} of checkpoints",
        ]
    if found.groups:
        said.append(f"cost      about ${found.cost_usd:,.4f}, at most ${found.most_cost_usd:,.4f}")
        said.append(f"budget    {_budget(job, found)}")
        said.append(f"time      about {_span(found.seconds)} in all")
    return [*said, _basis(found)]


def _budget(job: ResolvedJob, found: Estimate) -> str:
    budget = job.spec.budget
    limits = []
    if budget.limit_usd is not None:
        limits.append((found.most_cost_usd, budget.limit_usd, f"${budget.limit_usd:,.2f}"))
    if budget.limit_tokens is not None:
        limits.append((found.most_tokens, budget.limit_tokens, f"{budget.limit_tokens:,} tokens"))
    enough = all(most <= limit for most, limit, _ in limits)
    said = " and ".join(words for _, _, words in limits)
    return said + (": enough in any case" if enough else ": may not be enough; then it halts")


def _basis(found: Estimate) -> str:
    if found.learned_from:
        return f"learned from {found.learned_from} earlier batches"
    return "assumed: 2 s a call and answers as long as allowed; earlier batches would tell better"


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"
