"""The completion report in a few plain lines, for a terminal or a log."""

from __future__ import annotations

from ..validation.check_result import CheckResult
from .completion import CompletionRecord
from .investigation import investigation_lines
from .wording import (
    answered_so_far,
    cached_savings,
    cached_tokens,
    check_word,
    counted,
    cut_short,
    dead_reasons,
    duration,
    in_parts,
    macro_f1,
    percent,
    saving_facts,
    skipped_reasons,
    state_words,
    usd,
    whole,
)


def summary_lines(record: CompletionRecord) -> list[str]:
    """What happened, most important first; no markup, no colour."""
    title = f"{record.job} {record.batch} v{record.version}: {state_words(record.state)}"
    lines = [title + (f" ({record.reason})" if record.reason else "")]
    if record.message:
        lines.append(record.message)
    lines.append(record.conservation.line)
    if record.results_location:
        lines.append(f"results   {record.results_location}")
    if so_far := answered_so_far(record):
        lines.append(f"answered  {so_far}")
    lines += [
        f"skipped   {whole(count)} {reason}" + (f": {meaning}" if meaning else "")
        for reason, count, meaning in skipped_reasons(record)
    ]
    if short := cut_short(record):
        lines.append(f"cut       {short}")
    if divided := in_parts(record):
        lines.append(f"in parts  {divided}")
    lines.append(f"cost      {_cost(record)}")
    if cached := cached_tokens(record):
        saved = cached_savings(record)
        lines.append(f"cached    {cached} to the provider" + (f", which {saved}" if saved else ""))
    lines += [
        f"saved     {fact.value} {fact.note}: {fact.label.removeprefix('Saved ')}"
        for fact in saving_facts(record)
        if record.saved
    ]
    lines.append(f"time      {_time(record)}")
    lines += [
        f"check     {check_word(check)}: {check.name}: {check.found}{_force(check)}"
        for check in record.checks
        if not check.passed
    ]
    lines += [
        f"dead      {whole(count)} {reason}" + (f": {meaning}" if meaning else "")
        for reason, count, meaning in dead_reasons(record)
    ]
    lines += [
        f"accuracy  {row.cohort}: {percent(row.share)} "
        f"({percent(row.low)} to {percent(row.high)}, n = {whole(row.n)}), macro-F1 {macro_f1(row)}"
        for row in record.accuracy
    ]
    lines += investigation_lines(record)
    if record.next_step:
        lines.append(f"next      {record.next_step}")
    return lines


def _force(check: CheckResult) -> str:
    return " (does not block the release)" if not check.blocking else ""


def _cost(record: CompletionRecord) -> str:
    tokens = whole(record.tokens_in + record.tokens_out)
    said = f"{usd(record.cost_usd)}, {tokens} tokens, {counted(record.calls, 'call')}"
    if record.from_store:
        said += f", {counted(record.from_store, 'document')} from stored answers"
    return said


def _time(record: CompletionRecord) -> str:
    said = f"{duration(record.duration_seconds)}, {record.items_per_second:,.1f} documents/s"
    if record.sla_met is not None:
        said += ", SLA met" if record.sla_met else ", SLA missed"
    return said
