"""The completion report in a few plain lines, for a terminal or a log."""

from __future__ import annotations

from .completion import CompletionRecord
from .wording import check_word, dead_reasons, duration, percent, state_words, usd, whole


def summary_lines(record: CompletionRecord) -> list[str]:
    """What happened, most important first; no markup, no colour."""
    title = f"{record.job} {record.batch} v{record.version}: {state_words(record.state)}"
    lines = [title + (f" ({record.reason})" if record.reason else "")]
    if record.message:
        lines.append(record.message)
    lines.append(record.conservation.line)
    if record.results_location:
        lines.append(f"results   {record.results_location}")
    lines.append(f"cost      {_cost(record)}")
    lines.append(f"time      {_time(record)}")
    lines += [
        f"check     {check_word(check)}: {check.name}: {check.found}"
        for check in record.checks
        if not check.passed
    ]
    lines += [
        f"dead      {whole(count)} {reason}" + (f": {meaning}" if meaning else "")
        for reason, count, meaning in dead_reasons(record)
    ]
    lines += [
        f"accuracy  {row.cohort}: {percent(row.share)} "
        f"({percent(row.low)} to {percent(row.high)}, n = {whole(row.n)})"
        for row in record.accuracy
    ]
    if record.next_step:
        lines.append(f"next      {record.next_step}")
    return lines


def _cost(record: CompletionRecord) -> str:
    tokens = whole(record.tokens_in + record.tokens_out)
    said = f"{usd(record.cost_usd)}, {tokens} tokens, {whole(record.calls)} calls"
    if record.from_store:
        said += f", {whole(record.from_store)} documents from stored answers"
    return said


def _time(record: CompletionRecord) -> str:
    said = f"{duration(record.duration_seconds)}, {record.items_per_second:,.1f} documents/s"
    if record.sla_met is not None:
        said += ", SLA met" if record.sla_met else ", SLA missed"
    return said
