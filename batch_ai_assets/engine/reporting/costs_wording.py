"""The tables of a cost record in words: the same on the page, in Markdown and in the terminal.

Layout and escaping are each view's own; words that every report shares are `wording.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..figures import counted
from .costs import CapRecord, CostRecord, ForecastRecord, JobCost, Sums
from .trends import sparkline
from .wording import moment as moment
from .wording import percent as percent
from .wording import usd as usd
from .wording import whole
from .wording import with_code as with_code

_SAVED = {
    "skipping": "documents that are unchanged since a released row",
    "stored_answers": "answers that were there already",
    "packing": "several documents in a request",
    "prompt_cache": "the provider's prompt cache",
}
_ENDS = {
    "pending": "pending: no end yet",
    "valid": "valid results",
    "review": "in review",
    "dead": "dead letters",
    "discarded": "given up by a person",
    "cancelled": "cancelled",
    "skipped": "skipped",
}
_NONE = "–"
_WARN = 0.8
"""A cap that is used so far is alerted about."""


@dataclass(frozen=True, slots=True)
class Table:
    """What each view lays out in its own way."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    """Columns of figures."""
    shares: tuple[float, ...] = ()
    """A bar for each row, between 0 and 1; none where it is empty."""
    note: str = ""
    of_a_cap: bool = False
    """The bars fill up: a full one is bad."""


def tone(table: Table, row: int) -> str:
    """The colour of a bar: of a cap by how full it is."""
    if not table.of_a_cap:
        return "review"
    share = table.shares[row]
    return "bad" if share >= 1 else "warn" if share >= _WARN else "good"


def headline(record: CostRecord) -> list[str]:
    """What the month came to, most important first."""
    total = record.total
    lines = [
        f"{usd(total.usd)} for {counted(total.calls, 'call')} and "
        f"{counted(total.tokens, 'token')} ({whole(total.tokens_in)} sent, "
        f"{whole(total.tokens_out)} answered)"
    ]
    if total.unanswered_usd:
        lines.append(
            f"of it {usd(total.unanswered_usd)} for calls without an answer, at their upper bound"
        )
    if record.lost_runs:
        lines.append(
            f"beyond it {usd(record.lost_usd)} and {counted(record.lost_tokens, 'token')} that "
            f"{counted(record.lost_runs, 'dead run')} held, taken for spent"
        )
    if record.machine_usd:
        lines.append(f"beyond it {usd(record.machine_usd)} for the machine")
    lines.append(f"at the end of the month: {outlook(record)}")
    return lines


def outlook(record: CostRecord) -> str:
    if record.over:
        return "the month is over"
    if record.forecast is None:
        return "too few days have passed to say"
    said = record.forecast
    by = "weekday by weekday" if said.by_weekday else "whatever the weekday"
    return f"about {_range(said)}, learned from {counted(said.days, 'day')}, {by}"


def spending_by_day(record: CostRecord) -> str:
    """A line of small bars, and the dearest day; empty where nothing was paid."""
    if not record.total.usd:
        return ""
    most = max(record.days, key=lambda one: one.usd)
    line = sparkline([one.usd for one in record.days])
    return f"{line} by day, at most {usd(most.usd)} on {most.day:%Y-%m-%d}"


def tables(record: CostRecord) -> Iterator[Table]:
    """Every table that has something to say."""
    every = (
        _jobs(record), _caps(record), _trends(record), _providers(record), _models(record),
        _outcomes(record), _saved(record), _estimates(record), _approvals(record),
    )  # fmt: skip
    return (table for table in every if table.rows)


def _jobs(record: CostRecord) -> Table:
    return Table(
        "By job",
        ("job", "batches", "cost", "tokens", "lost", "machine", "results", "per 1,000"),
        tuple(
            (
                one.job, whole(one.batches), usd(one.sums.usd), whole(one.sums.tokens),
                _amount(one.lost_usd), _amount(one.machine_usd), whole(one.results),
                _NONE if one.usd_per_thousand is None else usd(one.usd_per_thousand),
            )
            for one in record.jobs
        ),
        right=(1, 2, 3, 4, 5, 6, 7),
        shares=_shares(record, [one.sums for one in record.jobs]),
        note="Results are the rows released in the month, `per 1,000` what their batches cost in "
        "all; lost is what runs that died had held.",
    )  # fmt: skip


def _caps(record: CostRecord) -> Table:
    capped = [
        *(("job", one.job, one.cap) for one in record.jobs if one.cap),
        *(("provider", one.provider, one.cap) for one in record.providers if one.cap),
    ]
    return Table(
        "Caps of the month",
        ("whose", "spent", "cap", "used", "forecast"),
        tuple(
            (f"{of} {name}", _used(cap), _cap(cap), percent(cap.share), _foretold(cap.forecast))
            for of, name, cap in capped
        ),
        right=(1, 2, 3),
        shares=tuple(min(1.0, cap.share) for _, _, cap in capped),
        of_a_cap=True,
    )


def _trends(record: CostRecord) -> Table:
    told = [one for one in record.jobs if one.last_batches]
    return Table(
        "Cost per thousand results, the last batches",
        ("job", "over time", "lowest", "highest", "last", "last batch"),
        tuple(_trend(one) for one in told),
        right=(2, 3, 4),
        note="All versions of each batch, in whichever months; the oldest batch first.",
    )


def _trend(job: JobCost) -> tuple[str, ...]:
    values = [one.usd_per_thousand for one in job.last_batches]
    known = [value for value in values if value is not None]
    last = values[-1]
    return (
        job.job,
        sparkline(values),
        usd(min(known)) if known else _NONE,
        usd(max(known)) if known else _NONE,
        _NONE if last is None else usd(last),
        job.last_batches[-1].batch,
    )


def _providers(record: CostRecord) -> Table:
    return Table(
        "By provider",
        ("provider", "cost", "calls", "tokens", "lost"),
        tuple(
            (one.provider, *_costs(one.sums), _amount(one.lost_usd)) for one in record.providers
        ),
        right=(1, 2, 3, 4),
        shares=_shares(record, [one.sums for one in record.providers]),
    )


def _models(record: CostRecord) -> Table:
    return Table(
        "By model and prompt version",
        ("model", "job", "prompt", "cost", "calls", "tokens"),
        tuple(
            (f"{one.provider}/{one.model}", one.job, one.prompt_version, *_costs(one.sums))
            for one in record.models
        ),
        right=(3, 4, 5),
        shares=_shares(record, [one.sums for one in record.models]),
    )


def _outcomes(record: CostRecord) -> Table:
    return Table(
        "By outcome",
        ("documents now", "cost", "calls", "tokens", "of it in vain", "calls in vain"),
        tuple(
            (
                _ENDS.get(one.end, one.end),
                *_costs(one.sums), _amount(one.in_vain.usd), whole(one.in_vain.calls),
            )
            for one in record.outcomes
        ),
        right=(1, 2, 3, 4, 5),
        shares=_shares(record, [one.sums for one in record.outcomes]),
        note="In vain: attempts without a usable answer, such as retries, invalid answers and "
        "requests that were split.",
    )  # fmt: skip


def _saved(record: CostRecord) -> Table:
    return Table(
        "Not paid for",
        ("saved by", "cost", "tokens", "documents", "calls"),
        tuple(
            (
                _SAVED[one.what], usd(one.usd), whole(one.tokens), _count(one.documents),
                _count(one.calls),
            )
            for one in record.saved
        ),
        right=(1, 2, 3, 4),
    )  # fmt: skip


def _estimates(record: CostRecord) -> Table:
    return Table(
        "Estimates",
        ("job", "batches", "expected", "actual", "actual of expected", "from", "to"),
        tuple(
            (
                one.job, whole(one.batches), usd(one.estimated_usd), usd(one.actual_usd),
                *map(percent, (one.middle, one.least, one.most)),
            )
            for one in record.estimates
        ),
        right=(1, 2, 3, 4, 5, 6),
        note="Of the batches that completed in the month: the median, the lowest and the highest.",
    )  # fmt: skip


def _approvals(record: CostRecord) -> Table:
    return Table(
        "Approvals",
        ("batch", "allowed", "by", "when", "why"),
        tuple(
            (
                f"{one.job}/{one.batch} v{one.version}",
                ", ".join(
                    said
                    for said in (
                        "" if one.limit_usd is None else usd(one.limit_usd),
                        "" if one.limit_tokens is None else counted(one.limit_tokens, "token"),
                        "" if one.deadline is None else f"until {one.deadline:%Y-%m-%d %H:%M}",
                    )
                    if said
                ),
                one.who,
                f"{one.at:%Y-%m-%d %H:%M}",
                one.why,
            )
            for one in record.approvals
        ),
    )


def _costs(sums: Sums) -> tuple[str, str, str]:
    return usd(sums.usd), whole(sums.calls), whole(sums.tokens)


def _shares(record: CostRecord, parts: list[Sums]) -> tuple[float, ...]:
    """Of the month's cost; of its tokens where all is free."""
    if record.total.usd:
        return tuple(one.usd / record.total.usd for one in parts)
    return tuple(one.tokens / (record.total.tokens or 1) for one in parts)


def _cap(cap: CapRecord) -> str:
    limits = ("" if cap.usd is None else usd(cap.usd), _tokens(cap.tokens))
    return ", ".join(filter(None, limits))


def _used(cap: CapRecord) -> str:
    spent = ("" if cap.usd is None else usd(cap.spent_usd),)
    tokens = "" if cap.tokens is None else counted(cap.spent_tokens, "token")
    return ", ".join(filter(None, (*spent, tokens)))


def _tokens(number: int | None) -> str:
    return "" if number is None else counted(number, "token")


def _foretold(said: ForecastRecord | None) -> str:
    return _NONE if said is None else _range(said)


def _range(said: ForecastRecord) -> str:
    return f"{usd(said.likely)} ({usd(said.low)} to {usd(said.high)})"


def _amount(amount: float) -> str:
    return usd(amount) if amount else _NONE


def _count(number: int) -> str:
    return whole(number) if number else _NONE
