"""Figures of a completion record as people read them: units, rows and words, shared by all views.

Pure text; layout is each view's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..figures import ShardFigures
from ..figures import counted as counted
from ..validation.accuracy import CohortAccuracy
from ..validation.check_result import CheckResult
from .completion import CompletionRecord

_STATES = {
    "completed": "good",
    "completed_with_dead_letters": "warn",
    "paused": "warn",
    "interrupted": "warn",
    "halted": "bad",
    "failed": "bad",
    "cancelled": "bad",
}
_REASONS = {
    "empty_answer": "the model sent no text",
    "malformed": "the answer was not valid JSON",
    "schema": "the answer broke the output schema",
    "taxonomy": "the answer named a value that is not approved",
    "truncated": "the answer was cut at max_tokens",
    "refusal": "the model refused to answer",
    "too_long": "longer than the model's context",
    "rejected": "the provider refused the request",
    "timeout": "no answer in time",
    "connection_lost": "the connection broke during the call",
    "malformed_reply": "the provider's reply could not be read",
    "empty_text": "the document has no text",
    "undecodable": "the document is not readable text",
    "unreadable": "the document could not be read",
    "no_text": "the document has no text to read: encrypted, or a scan",
    "missing_id": "the record has no id",
    "missing_text": "the record has no text field",
    "duplicate_id": "the id was there before in the batch",
    "classified_above_job": "classed above what the job may see",
}
OF_THE_DOCUMENT = frozenset(
    {
        "empty_text", "undecodable", "unreadable", "no_text", "missing_id", "missing_text",
        "duplicate_id", "classified_above_job",
    }
)  # fmt: skip
"""Reasons of dead letters that lie in the document itself: it is mended where it comes from."""
OF_THE_ANSWER = frozenset({"empty_answer", "malformed", "schema", "taxonomy", "truncated"})
"""Reasons that lie in an answer without use: prompt, schema or `max_tokens` are mended."""
_OF_THE_JOB = OF_THE_ANSWER | {"refusal", "rejected", "too_long"}
_SKIPPED = {
    "unchanged": "unchanged since a released row of another batch",
    "open_dead_letter": "dead in an earlier batch and unchanged since",
    "claimed": "taken by another batch of the job",
    "given_up_before": "given up by a person in another batch, and unchanged since",
}
_SAVINGS = {
    "skipping": "Saved by skipping",
    "stored_answers": "Saved by stored answers",
    "packing": "Saved by several in a request",
}
ENDS = {
    "pending": "no end yet",
    "valid": "usable",
    "review": "wait for a person",
    "dead": "failed for good, reasons below",
    "discarded": "given up by a person",
    "cancelled": "batch was cancelled",
    "skipped": "not asked again, reasons below",
}
"""What each place in the conservation equation means."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a table of facts."""

    label: str
    value: str
    note: str = ""


def state_words(state: str) -> str:
    return state.replace("_", " ")


def state_tone(state: str) -> str:
    """`good`, `warn` or `bad`; a state that is not known needs attention."""
    return _STATES.get(state, "warn")


def check_word(check: CheckResult) -> str:
    """`passed`, `warning`, `error`, or `blocks` where nothing may be released."""
    if check.passed:
        return "passed"
    if check.stops_release:
        return "blocks"
    return "warning" if check.severity == "warn" else "error"


def check_tone(check: CheckResult) -> str:
    return {"passed": "good", "warning": "warn"}.get(check_word(check), "bad")


def reason_words(reason: str) -> str:
    """What a dead letter's reason means, where that is known beforehand."""
    if reason.startswith("rule:"):
        return f"fails the business rule {reason.removeprefix('rule:')}"
    if reason.startswith("http_"):
        return f"the provider kept answering {reason.removeprefix('http_')}"
    return _REASONS.get(reason, "")


def of_the_provider(reason: str) -> bool:
    """Whether the provider failed, and not the document, the question or the answer."""
    return not (reason in OF_THE_DOCUMENT or reason in _OF_THE_JOB or reason.startswith("rule:"))


def whole(number: int) -> str:
    return f"{number:,}"


def usd(amount: float) -> str:
    """USD, with as many digits as a small amount needs."""
    if amount == 0 or abs(amount) >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.6f}".rstrip("0")


def percent(share: float) -> str:
    """One decimal; never rounded to nothing or to all."""
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{share:.1%}"


def macro_f1(row: CohortAccuracy) -> str:
    """Between 0 and 1, three decimals; a dash where it was not measured."""
    return "–" if row.macro_f1 is None else f"{row.macro_f1:.3f}"


def with_code(text: str) -> list[tuple[str, bool]]:
    """Text cut at backticks: (part, whether it is code). An odd backtick is only text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(text, False)]
    return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]


def duration(seconds: float) -> str:
    """For example `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def moment(at: datetime) -> str:
    """To the second, with its zone."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def size(number: int) -> str:
    return f"{number / 1_048_576:,.0f} MB"


def dead_reasons(record: CompletionRecord) -> list[tuple[str, int, str]]:
    """(reason, items, what it means), most frequent first."""
    ordered = sorted(record.dead_by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(reason, count, reason_words(reason)) for reason, count in ordered]


def skipped_reasons(record: CompletionRecord) -> list[tuple[str, int, str]]:
    """(reason, items, what it means), most frequent first."""
    ordered = sorted(record.skipped_by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(reason, count, _SKIPPED.get(reason, "")) for reason, count in ordered]


def answered_so_far(record: CompletionRecord) -> str:
    """Of a batch that stopped on its way: what is paid for and kept; empty for others."""
    if not record.conservation.pending:
        return ""
    return (
        f"{whole(record.answered)} of {counted(record.conservation.items, 'document')} answered "
        "so far; they are kept and get their verdict when the batch goes on"
    )


def cut_short(record: CompletionRecord) -> str:
    """What was asked in part only, and where each is named; empty where nothing was."""
    if not record.truncated:
        return ""
    return (
        f"{counted(record.truncated, 'document')} longer than the model takes: only the beginning "
        f"was asked (flag input_truncated in {record.job}__validation_report)"
    )


def cached_tokens(record: CompletionRecord) -> str:
    """What the provider's prompt cache held; empty where it held nothing."""
    if not record.tokens_cached:
        return ""
    share = percent(record.tokens_cached / record.tokens_in)
    return f"{whole(record.tokens_cached)} tokens, {share} of those sent"


def cached_savings(record: CompletionRecord) -> str:
    """What it saved; empty where cached tokens cost as much as others."""
    return f"saved {usd(record.cache_saved_usd)}" if record.cache_saved_usd else ""


def in_parts(record: CompletionRecord) -> str:
    """What was asked in parts, and where each is named; empty where nothing was."""
    if not record.divided:
        return ""
    return (
        f"{counted(record.divided, 'document')} longer than the model takes: asked in parts, "
        f"their answers merged (flag input_divided in {record.job}__validation_report)"
    )


def cost_facts(record: CompletionRecord) -> Iterator[Fact]:
    tokens = record.tokens_in + record.tokens_out
    budget = "" if record.budget_usd is None else f"of {usd(record.budget_usd)} budget"
    yield Fact("Cost", usd(record.cost_usd), budget)
    if record.written_off_usd:
        said = "held by runs that died, taken for spent"
        yield Fact("Written off", usd(record.written_off_usd), said)
    if record.machine_usd:
        yield Fact("Machine", usd(record.machine_usd))
    budget = "" if record.budget_tokens is None else f"of {whole(record.budget_tokens)} budget"
    yield Fact("Tokens", whole(tokens), budget)
    split = f"{whole(record.tokens_in)} sent, {whole(record.tokens_out)} answered"
    yield Fact("Tokens sent and answered", split)
    if cached := cached_tokens(record):
        saved = cached_savings(record)
        yield Fact("In the provider's prompt cache", cached, f"({saved})" if saved else "")
    if record.answered:
        yield Fact("Cost per answer", usd(record.cost_usd / record.answered))
    yield from saving_facts(record)


def saving_facts(record: CompletionRecord) -> Iterator[Fact]:
    """What was not paid for, each with what it would have cost."""
    for saving in record.saved:
        if saving.what == "packing":
            much = counted(saving.calls, "call")
        else:
            much = counted(saving.documents, "document")
        worth = f"{counted(saving.tokens, 'token')}, {usd(saving.cost_usd)}"
        yield Fact(_SAVINGS[saving.what], f"{much} less", f"(about {worth})")


def run_facts(record: CompletionRecord) -> Iterator[Fact]:
    yield Fact("Started", moment(record.started_at))
    yield Fact("Finished", moment(record.finished_at))
    sla = "" if record.sla_seconds is None else f"of {duration(record.sla_seconds)} allowed"
    if record.sla_met is not None:
        sla += ", met" if record.sla_met else ", missed"
    yield Fact("Duration", duration(record.duration_seconds), sla)
    yield Fact("Pace", f"{record.items_per_second:,.1f} documents/s")
    yield Fact("Documents asked", whole(record.asked))
    yield Fact("Documents answered", whole(record.answered), _whence(record))
    retries = counted(record.retries, "retry", "retries")
    split = f", {whole(record.split)} split" if record.split else ""
    calls = f"({retries}, {whole(record.throttled)} throttled{split})"
    yield Fact("Calls", whole(record.calls), calls)
    for rate in record.rates:
        used, allowed = whole(round(rate.per_minute)), whole(round(rate.allowed_per_minute))
        share, note = percent(rate.share), f"({used} of {allowed} a minute)"
        yield Fact(f"Allowed {rate.of} used", share, note)
    yield Fact("CPU", duration(record.cpu_seconds))
    yield Fact("Peak memory", size(record.peak_rss_bytes))


def _whence(record: CompletionRecord) -> str:
    """Which answers there were without asking."""
    stored = whole(record.from_store)
    return f"({stored} of them by stored answers)" if record.from_store else ""


SHARDS_SHOWN = 20
"""Shards that a page shows; the record has all of them."""


def shards_shown(record: CompletionRecord) -> tuple[ShardFigures, ...]:
    """The shards worth a look: those with dead or pending documents first, then by number."""
    worst = sorted(record.shards, key=lambda one: (-(one.dead + one.pending), one.shard))
    return tuple(sorted(worst[:SHARDS_SHOWN], key=lambda one: one.shard))


def shards_left_out(record: CompletionRecord) -> str:
    """How many are not shown; empty where all are."""
    more = len(record.shards) - SHARDS_SHOWN
    return f"{counted(more, 'more shard')}: see report.json" if more > 0 else ""


def origin_facts(record: CompletionRecord) -> Iterator[Fact]:
    """Who and what made these results: for the audit."""
    if record.owner:
        yield Fact("Owner", record.owner)
    if record.data_classification:
        yield Fact("Data class", record.data_classification)
    yield Fact("Started by", record.who)
    yield Fact("Run", record.run_id)
    model = record.model
    if record.model_version != record.model:
        model += f", version {record.model_version}"
    yield Fact("Model", model, f"at {record.provider}")
    yield Fact("Prompt version", record.prompt_version)
    yield Fact("Output schema version", record.schema_version)
    yield Fact("Spec hash", record.spec_hash)


def pretty_spec(record: CompletionRecord) -> str:
    """The frozen spec, indented; as it is where it is not JSON."""
    try:
        return json.dumps(json.loads(record.frozen_spec), indent=2, ensure_ascii=False)
    except ValueError:
        return record.frozen_spec
