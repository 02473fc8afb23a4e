"""Costs: the record of what a month cost, drawn up from what the store has kept.

Sums come from `state/spendings.py`, the forecast from `control/month_end.py`; how it looks is
`reporting/`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import fsum
from statistics import median
from typing import Any, TypeVar

import orjson

from .capping import spent_of
from .control.month_end import Cap, MonthEnd, month_end, warning
from .figures import End
from .governance import month_of
from .reporting.costs import (
    ApprovalRecord,
    BatchCost,
    CapRecord,
    CostRecord,
    DayCost,
    EstimateRecord,
    ForecastRecord,
    JobCost,
    ModelCost,
    OutcomeCost,
    ProviderCost,
    SavedRecord,
    Sums,
)
from .state.spendings import (
    DAY_SECONDS,
    GivenApproval,
    LostHold,
    PaidVersion,
    ReleasedCost,
    Spent,
)
from .state.store import StateStore

Key = TypeVar("Key", bound=Hashable)

_LEARNED_DAYS = 56
"""So far back days say what days to come will cost."""
_LAST_BATCHES = 12
_ENDS = tuple(End)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which job asked whom, as the version's frozen spec says."""

    job: str
    batch: str
    provider: str
    model: str
    prompt_version: str


_NOBODY = _Asked("unknown", "", "unknown", "unknown", "")
Days = Mapping[int, float]
"""Day since the epoch → USD."""


def add_up(
    store: StateStore, month: str, caps: Sequence[Cap] = (), *, job: str | None = None
) -> CostRecord:
    """What the month `2026-11` cost, all jobs or one. Raises ValueError where it is no month."""
    since, until = month_of(month)
    now = store.clock()
    span = (since.timestamp(), until.timestamp())
    paid = store.spendings
    rows, lost = paid.spent(*span, job), paid.lost_holds(*span, job)
    open_ = paid.versions(*span, job)
    asked = {one.plan_id: _asked(one) for one in open_}
    records = [orjson.loads(text) for text in paid.records(*span, job)]
    released = paid.released(*span, job)
    ahead = _Ahead(store, span, now, rows, asked, job)
    wanted = [cap for cap in caps if job is None or (cap.of, cap.name) == ("job", job)]
    capped = {(cap.of, cap.name): _cap(cap, span[0], ahead, store) for cap in wanted}
    total = Sums.over([_sums(one) for one in rows])
    return CostRecord(
        month=month,
        job=job,
        since=since,
        until=until,
        drawn_up_at=_time(now),
        total=total,
        lost_usd=fsum(one.usd for one in lost),
        lost_tokens=sum(one.tokens for one in lost),
        lost_runs=sum(one.runs for one in lost),
        machine_usd=fsum(one.get("machine_usd", 0.0) for one in records),
        days=tuple(ahead.of_the_month()),
        forecast=_forecast(ahead.of(lambda _: True, total.usd)),
        jobs=tuple(_jobs(rows, lost, asked, released, records, capped, store, span[1], job)),
        providers=tuple(_providers(rows, lost, asked, capped)),
        models=tuple(_models(rows, asked)),
        outcomes=tuple(_outcomes(rows)),
        saved=tuple(_saved(records, total)),
        estimates=tuple(_estimates(records)),
        approvals=tuple(map(_approval, paid.approvals(*span, job))),
        warnings=tuple(_warnings(wanted, capped)),
    )


def _asked(version: PaidVersion) -> _Asked:
    spec = orjson.loads(version.spec).get("spec", {})
    model, prompt = spec.get("model", {}), spec.get("prompt", {})
    return _Asked(
        version.job,
        version.batch,
        model.get("provider", "unknown"),
        model.get("name", "unknown"),
        prompt.get("version", ""),
    )


class _Ahead:
    """Spending by day, of which the end of the month is foretold."""

    def __init__(
        self, store: StateStore, span: tuple[float, float], now: float, rows: Sequence[Spent],
        asked: Mapping[int, _Asked], job: str | None,
    ) -> None:  # fmt: skip
        self.first, self.last = (int(at // DAY_SECONDS) for at in span)
        self.today = int(now // DAY_SECONDS)
        self._asked = dict(asked)
        self._days: dict[tuple[int, int], float] = defaultdict(float)
        for one in rows:
            self._days[one.plan_id, one.day] += one.usd
        if self.first <= self.today < self.last:
            before = (span[0] - _LEARNED_DAYS * DAY_SECONDS, span[0], job)
            self._days.update(store.spendings.by_day(*before))
            for version in store.spendings.versions(*before):
                self._asked.setdefault(version.plan_id, _asked(version))

    def of(self, which: Callable[[_Asked], bool], spent: float) -> MonthEnd | None:
        """Of the versions that are meant; `spent`: by them, in this month so far."""
        if not self.first <= self.today < self.last:
            return None
        days = self._by_day(which)
        return month_end(
            spent,
            [days.get(day, 0.0) for day in range(self.today - _LEARNED_DAYS, self.today)],
            today=days.get(self.today, 0.0),
            weekday=_date(self.today).weekday(),
            left=self.last - 1 - self.today,
        )

    def of_the_month(self) -> Iterator[DayCost]:
        days = self._by_day(lambda _: True)
        for day in range(self.first, min(self.last, self.today + 1)):
            yield DayCost(day=_date(day), usd=days.get(day, 0.0))

    def _by_day(self, which: Callable[[_Asked], bool]) -> Days:
        found: dict[int, float] = defaultdict(float)
        for (plan, day), usd in self._days.items():
            if which(self._asked.get(plan, _NOBODY)):
                found[day] += usd
        return found


def _cap(cap: Cap, at: float, ahead: _Ahead, store: StateStore) -> CapRecord:
    stands = spent_of(cap, at, store)

    def under(one: _Asked) -> bool:
        return (one.job if cap.of == "job" else one.provider) == cap.name

    shares = [
        spent / limit
        for spent, limit in ((stands.spent_usd, cap.usd), (stands.spent_tokens, cap.tokens))
        if limit is not None
    ]
    return CapRecord(
        usd=cap.usd,
        tokens=cap.tokens,
        spent_usd=stands.spent_usd,
        spent_tokens=stands.spent_tokens,
        share=max(shares, default=0.0),
        forecast=_forecast(ahead.of(under, stands.spent_usd)),
    )


def _jobs(
    rows: Sequence[Spent], lost: Sequence[LostHold], asked: Mapping[int, _Asked],
    released: Sequence[ReleasedCost], records: Sequence[Mapping[str, Any]],
    capped: Mapping[tuple[str, str], CapRecord], store: StateStore, until: float, job: str | None,
) -> Iterator[JobCost]:  # fmt: skip
    paid = _grouped(rows, lambda one: asked.get(one.plan_id, _NOBODY).job)
    last = _grouped(
        store.spendings.last_released(until, _LAST_BATCHES, job), lambda one: one.job
    )
    out = _grouped(released, lambda one: one.job)
    machine = _grouped(records, lambda one: str(one["job"]))
    holds = _grouped(lost, lambda one: one.job)
    for name in sorted({*paid, *out, *holds, *machine}):
        batches = {asked.get(one.plan_id, _NOBODY).batch for one in paid.get(name, ())}
        results = sum(one.rows for one in out.get(name, ()))
        usd = fsum(one.usd for one in out.get(name, ()))
        yield JobCost(
            job=name,
            batches=len(batches | {one.batch for one in out.get(name, ())}),
            results=results,
            sums=Sums.over([_sums(one) for one in paid.get(name, ())]),
            lost_usd=fsum(one.usd for one in holds.get(name, ())),
            machine_usd=fsum(one.get("machine_usd", 0.0) for one in machine.get(name, ())),
            usd_per_thousand=usd / results * 1000 if results else None,
            cap=capped.get(("job", name)),
            last_batches=tuple(
                BatchCost(
                    batch=one.batch, released_at=_time(one.at), results=one.rows, usd=one.usd
                )
                for one in last.get(name, ())
            ),
        )


def _providers(
    rows: Sequence[Spent], lost: Sequence[LostHold], asked: Mapping[int, _Asked],
    capped: Mapping[tuple[str, str], CapRecord],
) -> Iterator[ProviderCost]:  # fmt: skip
    paid = _grouped(rows, lambda one: asked.get(one.plan_id, _NOBODY).provider)
    holds = _grouped(lost, lambda one: asked.get(one.plan_id, _NOBODY).provider)
    for name in sorted({*paid, *holds}):
        yield ProviderCost(
            provider=name,
            sums=Sums.over([_sums(one) for one in paid.get(name, ())]),
            lost_usd=fsum(one.usd for one in holds.get(name, ())),
            cap=capped.get(("provider", name)),
        )


def _models(rows: Sequence[Spent], asked: Mapping[int, _Asked]) -> Iterator[ModelCost]:
    def key(one: Spent) -> tuple[str, str, str, str]:
        by = asked.get(one.plan_id, _NOBODY)
        return by.provider, by.model, by.job, by.prompt_version

    for (provider, model, job, version), found in sorted(_grouped(rows, key).items()):
        yield ModelCost(
            provider=provider, model=model, job=job, prompt_version=version,
            sums=Sums.over([_sums(one) for one in found]),
        )  # fmt: skip


def _outcomes(rows: Sequence[Spent]) -> Iterator[OutcomeCost]:
    by_end = _grouped(rows, lambda one: one.end or "unknown")
    for end in sorted(by_end, key=lambda end: _ENDS.index(End(end)) if end in _ENDS else 99):
        found = by_end[end]
        yield OutcomeCost(
            end=end,
            sums=Sums.over([_sums(one) for one in found]),
            in_vain=Sums.over([_sums(one) for one in found if not one.gave_answer]),
        )


def _saved(records: Iterable[Mapping[str, Any]], total: Sums) -> Iterator[SavedRecord]:
    """What nobody had to pay, as the batches that ended in the month say."""
    every = [saving for record in records for saving in record.get("saved", ())]
    for what, found in sorted(_grouped(every, lambda one: str(one["what"])).items()):
        yield SavedRecord.model_validate(
            {
                "what": what,
                "documents": sum(one.get("documents", 0) for one in found),
                "calls": sum(one.get("calls", 0) for one in found),
                "tokens": sum(one.get("tokens", 0) for one in found),
                "usd": fsum(one.get("cost_usd", 0.0) for one in found),
            }
        )
    if total.tokens_cached:
        yield SavedRecord(
            what="prompt_cache", tokens=total.tokens_cached, usd=total.cache_saved_usd
        )


def _estimates(records: Iterable[Mapping[str, Any]]) -> Iterator[EstimateRecord]:
    """Of batches that were asked for in full: stored answers cost nothing, whatever was planned."""
    told = [
        one
        for one in records
        if one.get("estimated_usd") and one.get("calls") and not one.get("from_store")
        and str(one["state"]).startswith("completed")
    ]  # fmt: skip
    for job, found in sorted(_grouped(told, lambda one: str(one["job"])).items()):
        off = [one["cost_usd"] / one["estimated_usd"] for one in found]
        yield EstimateRecord(
            job=job,
            batches=len(found),
            estimated_usd=fsum(one["estimated_usd"] for one in found),
            actual_usd=fsum(one["cost_usd"] for one in found),
            least=min(off),
            middle=median(off),
            most=max(off),
        )


def _warnings(
    caps: Iterable[Cap], capped: Mapping[tuple[str, str], CapRecord]
) -> Iterator[str]:
    for cap in caps:
        found = capped[cap.of, cap.name]
        expected = None if found.forecast is None else MonthEnd(**found.forecast.model_dump())
        if said := warning(cap, expected, found.spent_usd):
            yield said


def _sums(one: Spent) -> Sums:
    return Sums(
        calls=one.calls,
        tokens_in=one.tokens_in,
        tokens_out=one.tokens_out,
        tokens_cached=one.tokens_cached,
        usd=one.usd,
        unanswered_usd=one.usd if one.kind == "written_off" else 0.0,
        cache_saved_usd=one.saved_usd,
    )


def _approval(one: GivenApproval) -> ApprovalRecord:
    return ApprovalRecord(
        job=one.job, batch=one.batch, version=one.version, limit_usd=one.limit_usd,
        limit_tokens=one.limit_tokens, who=one.who, why=one.why, at=_time(one.at),
        deadline=None if one.deadline_at is None else _time(one.deadline_at),
    )  # fmt: skip


def _forecast(found: MonthEnd | None) -> ForecastRecord | None:
    if found is None:
        return None
    names = ForecastRecord.model_fields
    return ForecastRecord(**{name: getattr(found, name) for name in names})


Found = TypeVar("Found")


def _grouped(every: Iterable[Found], key: Callable[[Found], Key]) -> dict[Key, list[Found]]:
    groups: dict[Key, list[Found]] = defaultdict(list)
    for one in every:
        groups[key(one)].append(one)
    return dict(groups)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)
