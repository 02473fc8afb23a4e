"""The completion report as Markdown, for a ticket, a review or a Dagster metadata entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .completion import CompletionRecord, Investigation
from .investigation import changes, compared_with, messages
from .links import Link
from .plots import cost_gauge, sla_gauge, text_bar
from .wording import (
    ENDS,
    Fact,
    answered_so_far,
    check_word,
    cost_facts,
    cut_short,
    dead_reasons,
    duration,
    in_parts,
    macro_f1,
    origin_facts,
    percent,
    pretty_spec,
    run_facts,
    shards_left_out,
    shards_shown,
    skipped_reasons,
    state_words,
    usd,
    whole,
    with_code,
)

_ESCAPED = str.maketrans(
    {"|": "\\|", "<": "&lt;", ">": "&gt;", "`": "\\`", "*": "\\*", "_": "\\_", "[": "\\[",
     "\\": "\\\\", "\n": " ", "\r": " "}
)  # fmt: skip
MARKS = {"passed": "✅", "warning": "⚠️", "error": "❌", "blocks": "⛔"}


def render_markdown(record: CompletionRecord, links: Sequence[Link] = ()) -> str:
    """The whole report; ends with a newline."""
    return "\n".join(_lines(record, links)) + "\n"


def _lines(record: CompletionRecord, links: Sequence[Link]) -> Iterator[str]:
    yield f"# {safe(record.job)} · {safe(record.batch)} · version {record.version}"
    yield ""
    yield f"**{safe(state_words(record.state)).capitalize()}**" + (
        f" ({safe(record.reason)})" if record.reason else ""
    ) + (f": {_said(record.message)}" if record.message else "")
    yield ""
    yield f"**Next:** {_said(record.next_step) or 'Nothing.'}"
    yield ""
    if links:
        yield "**In the UI:** " + " · ".join(f"[{safe(to.label)}]({to.url})" for to in links)
        yield ""
    if record.investigation is not None:
        yield "## What went wrong"
        yield from _investigation(record.investigation)
    yield "## Every document, counted once"
    yield from _conservation(record)
    yield "## Where the results are"
    yield ""
    yield _location(record)
    yield ""
    yield "## Cost and time"
    yield from _cost_and_time(record)
    if record.groups:
        yield "## Groups and shards"
        yield from _groups(record)
    if len(record.shards) > 1:
        yield "<details><summary>Every shard</summary>"
        yield from _shards(record)
        yield "</details>"
        yield ""
    if record.checks:
        yield "## Checks"
        yield from _checks(record)
    if record.dead_by_reason:
        yield "## Dead letters by reason"
        yield from _dead_letters(record)
    if record.accuracy:
        yield "## Accuracy against known truth"
        yield from _accuracy(record)
    yield "## Where it comes from"
    yield from _facts(origin_facts(record))
    yield "<details><summary>Frozen spec</summary>"
    yield ""
    yield from ("    " + line for line in pretty_spec(record).splitlines())
    yield ""
    yield "</details>"


def _investigation(found: Investigation) -> Iterator[str]:
    rows = [(count, safe(text), safe(items)) for count, text, items in messages(found)]
    yield from table(("documents", "what was said last", "the first of them"), rows, right=(0,))
    yield safe(compared_with(found))
    yield ""
    if said := [(safe(what), safe(how)) for what, how in changes(found)]:
        yield from table(("what", "how"), said)


def _conservation(record: CompletionRecord) -> Iterator[str]:
    counted = record.conservation
    yield ""
    yield f"**{counted.line}**"
    if not counted.holds:
        yield ""
        yield "The count does not add up. Do not use these results; run `batch-ai fsck`."
    rows = [
        (name, whole(count), text_bar(count / counted.items), ENDS[name])
        for name, count in counted.ends().items()
        if count and counted.items
    ]
    yield from table(("end", "documents", "", "meaning"), rows, right=(1,))
    for reason, count, meaning in skipped_reasons(record):
        yield f"- skipped, {safe(reason)}: {whole(count)} {safe(meaning)}".rstrip()
    if record.skipped_by_reason:
        yield ""
    if so_far := answered_so_far(record):
        yield f"{so_far}."
        yield ""


def _location(record: CompletionRecord) -> str:
    if record.results_location is None:
        return "Nothing was released."
    rows = whole(record.conservation.valid)
    return f"{rows} rows in `{record.results_location.replace('`', '')}`"


def _cost_and_time(record: CompletionRecord) -> Iterator[str]:
    yield from _facts((*cost_facts(record), *run_facts(record)))
    for name, gauge in (("budget", cost_gauge(record)), ("SLA", sla_gauge(record))):
        if gauge is not None:
            yield f"{text_bar(gauge.share)} {percent(gauge.share)} of {name}"
            yield ""


def _groups(record: CompletionRecord) -> Iterator[str]:
    rows = [
        (
            safe(row.group),
            safe(row.prompt_version),
            whole(row.to_ask),
            whole(row.tokens_in),
            whole(row.shards),
            f"{row.largest_shard:.2f} ×",
            whole(row.truncated),
            whole(row.divided),
        )
        for row in record.groups
    ]
    heads = (
        "group", "prompt", "to ask", "tokens", "shards", "largest, of the mean", "cut", "in parts"
    )  # fmt: skip
    yield from table(heads, rows, right=(2, 3, 4, 5, 6, 7))
    for said in filter(None, (cut_short(record), in_parts(record))):
        yield f"{safe(said)}."
        yield ""


def _shards(record: CompletionRecord) -> Iterator[str]:
    rows = [
        (
            whole(row.shard),
            safe(row.group),
            *map(whole, (row.items, row.valid, row.review, row.dead, row.pending)),
            *map(whole, (row.calls, row.retries, row.tokens)),
            usd(row.cost_usd),
            duration(row.seconds),
        )
        for row in shards_shown(record)
    ]
    heads = (
        "shard", "group", "documents", "valid", "review", "dead", "pending", "calls", "retries",
        "tokens", "cost", "time",
    )  # fmt: skip
    yield from table(heads, rows, right=range(2, len(heads)))
    if more := shards_left_out(record):
        yield f"{more}."
        yield ""


def _checks(record: CompletionRecord) -> Iterator[str]:
    rows = [
        (f"{MARKS[check_word(c)]} {check_word(c)}", safe(c.name), safe(c.found), safe(c.bar))
        for c in record.checks
    ]
    yield from table(("", "check", "found", "bar"), rows)
    for check in record.checks:
        if check.todo:
            yield f"- **{safe(check.name)}**: {_said(check.todo)}"
    if any(check.todo for check in record.checks):
        yield ""


def _dead_letters(record: CompletionRecord) -> Iterator[str]:
    reasons = dead_reasons(record)
    most = max((count for _, count, _ in reasons), default=0) or 1
    rows = [
        (safe(reason), whole(count), text_bar(count / most, 12), safe(meaning))
        for reason, count, meaning in reasons
    ]
    yield from table(("reason", "documents", "", "meaning"), rows, right=(1,))


def _accuracy(record: CompletionRecord) -> Iterator[str]:
    rows = [
        (
            safe(row.cohort),
            percent(row.share),
            f"{percent(row.low)} to {percent(row.high)}",
            f"{whole(row.correct)} of {whole(row.n)}",
            macro_f1(row),
        )
        for row in record.accuracy
    ]
    heads = ("cohort", "right", "95 % interval", "n", "macro-F1")
    yield from table(heads, rows, right=(1, 2, 3, 4))


def _facts(facts: Iterable[Fact]) -> Iterator[str]:
    rows = [(fact.label, f"{safe(fact.value)} {safe(fact.note)}".strip()) for fact in facts]
    yield from table(("", ""), rows)


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield "|" + "|".join("---:" if place in right else "---" for place in range(len(head))) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _said(text: str) -> str:
    """A sentence that may hold `code`."""
    return "".join(
        f"`{part}`" if code else safe(part) for part, code in with_code(text.replace("\n", " "))
    )


def safe(text: str | None) -> str:
    """Text that cannot end a cell, start a tag or become markup."""
    return (text or "").translate(_ESCAPED)
