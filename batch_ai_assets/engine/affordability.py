"""What a planned version is expected to cost, against what it may: looked up before its first call.

The plan says what is asked, earlier batches how long answers are and how far estimates were off,
accounts and approvals what may be spent. What is too much is said in `validation/affordable.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

import orjson

from .control.budget import limits_of
from .deps import Deps
from .errors import BatchHalted
from .planning.groups import groups_of
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.budgets import Limit
from .state.rows import Plan
from .validation.affordable import Forecast, Room, budget_check
from .validation.check_result import CheckResult

_BATCHES = 10
_FEW = 3
"""From so many earlier batches on, what they came to cost is what is expected."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Sums of a work plan; money in USD, time in seconds."""

    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    most_tokens_out: int = 0
    cost_usd: float = 0.0
    most_cost_usd: float = 0.0
    seconds: float = 0.0

    def scaled(self, share: float) -> Planned:
        """So much of it."""
        return Planned(
            ceil(self.tokens_in * share), int(self.tokens_cached * share),
            ceil(self.tokens_out * share), ceil(self.most_tokens_out * share),
            self.cost_usd * share, self.most_cost_usd * share, self.seconds * share,
        )  # fmt: skip


def planned(plan: Plan, deps: Deps) -> Planned:
    """What the work plan of the version adds up to; zeros where it has none."""
    if plan.work_plan_path is None:
        return Planned()
    names = tuple(Planned.__dataclass_fields__)
    sums = dict.fromkeys(names, 0.0)
    for rows in deps.tables.open(plan.work_plan_path).scan(list(names)):
        for row in rows.to_pylist():
            for name in names:
                sums[name] += row[name] or 0
    whole = {name: int(sums[name]) for name in names if name.startswith(("tokens", "most_tokens"))}
    return Planned(**{**sums, **whole})  # type: ignore[arg-type]


def affordable(job: ResolvedJob, plan: Plan, deps: Deps) -> CheckResult:
    """The check `budget` of a planned version. Stored answers are counted only where they may
    decide: there are none of most documents."""
    frozen, work = frozen_job(plan, job), planned(plan, deps)
    finding = _judged(frozen, plan, work, deps)
    if finding.blocking and plan.mode != "fresh" and (share := _to_pay(frozen, plan, deps)) < 1.0:
        return _judged(frozen, plan, work.scaled(share), deps)
    return finding


def _judged(frozen: ResolvedJob, plan: Plan, work: Planned, deps: Deps) -> CheckResult:
    budget, rate, store = frozen.spec.budget, frozen.offer.rate, deps.store
    learned = _learned(plan.job, deps)
    allowed = store.approvals.allowed(plan)
    limits = limits_of(frozen.spec, frozen.provider.limits, plan, allowed, store.clock())
    low_usd = rate.cost_usd(work.tokens_in, 0, work.tokens_cached)
    known = len(learned) >= _FEW
    usd = Forecast(
        low=min(low_usd, work.most_cost_usd),
        likely=work.cost_usd * median(learned) if known else None,
        high=work.most_cost_usd * max(1.0, *learned) if known else work.most_cost_usd,
    )
    tokens = Forecast(
        low=work.tokens_in,
        likely=work.tokens_in + work.tokens_out if known else None,
        high=work.tokens_in + work.most_tokens_out,
    )
    usd_room, tokens_room = _rooms(limits, deps)
    approvals = [
        one for one in store.approvals.of(plan) if one.limit_usd or one.limit_tokens
    ]
    return budget_check(
        usd, tokens, usd_room, tokens_room,
        learned_from=len(learned),
        approved_by=approvals[-1].who if approvals else "",
        waits=budget.before_start == "approve",
        workers_usd=work.seconds / 3600.0 * budget.worker_usd_per_hour,
        where=f"{plan.job} {plan.batch}",
    )  # fmt: skip


def _to_pay(job: ResolvedJob, plan: Plan, deps: Deps) -> float:
    """The share of the tokens to send for which there is no stored answer."""
    groups = {group.name: group for group in groups_of(job)}
    of_shard = {row.shard: groups[row.group] for row in deps.store.shards.of(plan)}
    sent = served = 0
    for items in deps.store.items.ends(plan):
        asked = [(of_shard[item.shard], item) for item in items if item.shard in of_shard]
        hashes = [
            group.template.request_hash(item.input_hash, item.tokens) for group, item in asked
        ]
        stored = deps.store.answers.look_up(hashes)
        for request_hash, (group, item) in zip(hashes, asked, strict=True):
            tokens = group.request_tokens(item.tokens)
            sent += tokens
            served += tokens if request_hash in stored else 0
    return 1.0 - served / sent if sent else 1.0


def prove_affordable(job: ResolvedJob, plan: Plan, deps: Deps) -> None:
    """BatchHalted where the version needs an approval before its first call, and has none."""
    if plan.started_at is not None:
        return  # it was asked already: what is spent is what counts
    finding = affordable(job, plan, deps)
    if finding.stops_release:
        raise BatchHalted(
            "awaiting_approval",
            f"Nothing of {plan.job}/{plan.batch} was asked: {finding.found}. {finding.todo}.",
        )


def _learned(job: str, deps: Deps) -> list[float]:
    """Of the newest batches of the job, what each came to cost over what was expected."""
    return [
        found["cost_usd"] / found["estimated_usd"]
        for text in deps.store.batches.newest_records(job, _BATCHES)
        if (found := orjson.loads(text)).get("estimated_usd")
        and found["calls"]
        and not found["from_store"]
    ]


def _rooms(limits: Sequence[Limit], deps: Deps) -> tuple[Room | None, Room | None]:
    """The least that is left on any account, for USD and for tokens."""
    usd: list[Room] = []
    tokens: list[Room] = []
    for limit in limits:
        if limit.usd is None and limit.tokens is None:
            continue
        stands = deps.store.budgets.standing(limit.account)
        if limit.usd is not None:
            usd.append(Room(limit.usd - stands.spent_usd - stands.held_usd, limit.words))
        if limit.tokens is not None:
            tokens.append(
                Room(limit.tokens - stands.spent_tokens - stands.held_tokens, limit.words)
            )

    def least(rooms: list[Room]) -> Room | None:
        return min(rooms, key=lambda room: room.limit, default=None)

    return least(usd), least(tokens)
