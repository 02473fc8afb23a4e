"""Asking: every group of a batch version is asked in its own way, one group after the other.

The provider is opened once, and only if something must be asked. How items of a group are asked
is `inference/run.py`'s; which shard belongs to which group is in the state store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace

from .deps import Deps, Run
from .endpoint import Endpoint
from .spec.resolved import ResolvedJob
from .state.rows import Plan
from .tables import BatchTable


def ask(job: ResolvedJob, plan: Plan, raw: BatchTable, run: Run, deps: Deps) -> None:
    """Return when no item of the version needs a call.

    Raises BatchHalted, BatchInterrupted or StateError, as `run_shards` does.
    """
    groups: dict[str, list[int]] = {}
    for shard in deps.store.shards.of(plan):
        groups.setdefault(shard.group, []).append(shard.shard)
    if not groups:
        return
    from .inference.run import run_shards  # with all that it takes to ask

    with ExitStack() as stack:
        once = replace(deps, open_endpoint=_opened_once(deps.open_endpoint, stack))
        for group, shards in _urgent_first(groups, plan, deps):
            run_shards(job.for_group(group), plan, raw, shards, run.run_id, once)


def _urgent_first(
    groups: dict[str, list[int]], plan: Plan, deps: Deps
) -> list[tuple[str, list[int]]]:
    """Groups with the most urgent item first; otherwise as the job names them."""
    urgency = {
        group: max(deps.store.items.priorities(plan, shards), default=0)
        for group, shards in groups.items()
    }
    return sorted(groups.items(), key=lambda one: -urgency[one[0]])


def _opened_once(
    open_endpoint: Callable[[ResolvedJob], AbstractContextManager[Endpoint]], stack: ExitStack
) -> Callable[[ResolvedJob], AbstractContextManager[Endpoint]]:
    """Opens the provider when it is first needed; it is closed with `stack`."""
    opened: list[Endpoint] = []

    @contextmanager
    def open_it(job: ResolvedJob) -> Iterator[Endpoint]:
        if not opened:
            opened.append(stack.enter_context(open_endpoint(job)))
        yield opened[0]

    return open_it
