"""A job at a glance, in words: for the descriptions of its assets and of its Dagster job.

An asset group has no description in Dagster 1.13, so the overview stands where people look first:
on `results`, on `completion_report` (the page that `batch-ai ui JOB` opens) and on the job itself.
Made from the job file alone; what a run measured is in `figures.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.input import InputSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.validation.columns import output_columns
from batch_ai_assets.ui_links import asset_path

_TAG = re.compile(r"`[^`]*`|<")


def job_overview(job: ResolvedJob) -> str:
    """What the job is, what it answers, what must hold, how it is run, and where to go on."""
    return "\n".join(_lines(job))


def _lines(job: ResolvedJob) -> Iterator[str]:
    # First what people click: Dagster shows the beginning of a long description.
    yield f"**Go on to:** {_links(job)}"
    yield ""
    yield f"**Run it:** {_how_to_run(job)}"
    yield ""
    yield from table(("", ""), _facts(job))
    yield ""
    yield from table(("Field of an answer", "type", "meaning", "values"), _fields(job))
    if job.spec.rules:
        yield ""
        rules = (
            (rule.name, rule.severity, rule.description, _code(rule.sql))
            for rule in job.spec.rules
        )
        yield from table(("Rule", "severity", "why", "holds where"), rules)


def _facts(job: ResolvedJob) -> Iterator[tuple[str, str]]:
    spec = job.spec
    yield "Owner", spec.owner
    yield "Data class", f"{spec.data_classification}; residency: {spec.residency}"
    yield "Documents", _documents(job)
    yield "Batches", _when(job)
    yield "Model", _model(job)
    yield "Prompt", _prompt(job)
    if spec.groups:
        yield "Treated differently", ", ".join(group.name for group in spec.groups)
    if spec.output.review_below is not None:
        yield "A person looks", f"where the confidence is below {spec.output.review_below:g}"
    yield "Budget of a batch", _budget(job)
    yield _due(job)
    yield "Consumers", ", ".join(spec.consumers) or "none named"


def _due(job: ResolvedJob) -> tuple[str, str]:
    sla = job.spec.sla
    if sla is None or sla.within is not None:
        return "To be done within", sla.words if sla else "no deadline"
    return "To be done by", f"{sla.by} ({sla.timezone})"


def _fields(job: ResolvedJob) -> Iterator[tuple[str, str, str, str]]:
    properties = job.spec.output.json_schema.get("properties", {})
    for column in output_columns(job):
        schema = properties[column.name]
        said = schema.get("description", "") if isinstance(schema, dict) else ""
        values = job.spec.output.taxonomy.get(column.name, {})
        yield _code(column.name), column.type, said, ", ".join(_code(value) for value in values)


def _documents(job: ResolvedJob) -> str:
    source: InputSpec = job.spec.input
    if job.upstream is not None:
        return f"the [results of {job.upstream}]({asset_path(job.upstream, 'results')})"
    if source.asset is not None:
        return f"the asset {_code(source.asset)}"
    if source.sql is not None:
        return f"a query on the database {_code(source.sql.url)}"
    return f"{source.format} in {_code(str(source.path))}"


def _model(job: ResolvedJob) -> str:
    spec = job.spec.model
    version = "" if job.model_version == spec.name else f", version {job.model_version}"
    rate = job.offer.rate
    price = (
        "free"
        if job.offer.price == "free"
        else f"${rate.input_usd_per_million:g} in, ${rate.output_usd_per_million:g} out per"
        " million tokens"
    )
    return f"{spec.name}{version}, at {spec.provider} ({price})"


def _prompt(job: ResolvedJob) -> str:
    prompt = job.spec.prompt
    said = f"version {prompt.version}"
    if job.examples:
        said += f", with {len(job.examples)} solved examples"
    if prompt.items_per_request > 1:
        said += f", up to {prompt.items_per_request} documents a request"
    return said


def _budget(job: ResolvedJob) -> str:
    limits = job.spec.budget
    usd = None if limits.limit_usd is None else f"${limits.limit_usd:,.2f}"
    tokens = None if limits.limit_tokens is None else f"{limits.limit_tokens:,} tokens"
    return " and ".join(said for said in (usd, tokens) if said)


def _when(job: ResolvedJob) -> str:
    batches = job.spec.batches
    if job.upstream is not None:
        return f"Follows {job.upstream}: runs a batch when {job.upstream} has released it."
    if batches.timed:
        return by_the_clock(batches)
    if batches.arrival is None:
        return "Whenever somebody asks for one."
    arrival = batches.arrival
    thresholds = (
        (arrival.items, f"{arrival.items} documents wait"),
        (arrival.bytes, f"{arrival.bytes} wait"),
        (arrival.age, f"the oldest has waited {arrival.age}"),
        (arrival.flag, f"{arrival.flag} appears"),
        (arrival.calendar, f"the calendar {arrival.calendar} says so, at {batches.at}"),
    )
    enough = ", or ".join(words for named, words in thresholds if named)
    return f"On arrival: as soon as {enough}. {_only_within(batches)}".rstrip()


def by_the_clock(batches: BatchesSpec) -> str:
    """When a timed job's schedule runs which batch."""
    at = f"at {batches.at} ({batches.timezone})"
    said = {
        "hourly": f"At minute {batches.at[-2:]} of every hour: runs the batch of the last hour.",
        "daily": f"Every day {at}: runs the batch of the day before.",
        "weekly": f"Every {batches.weekday.capitalize()} {at}: runs the batch of the week before.",
        "monthly": f"On day {batches.day} of every month {at}: runs the batch of the month before.",
    }[batches.cadence]
    if not isinstance(batches.day, int) and batches.cadence == "monthly":
        which = "last day" if batches.day == "last_day" else "last business day"
        said = f"On the {which} of every month {at}: runs the batch of the month that closes then."
    return f"{said} {_only_within(batches)}".rstrip()


def _only_within(batches: BatchesSpec) -> str:
    hours = batches.start_window
    if hours is None:
        return ""
    between = f"{hours.since} and {hours.until}"
    return f"Only between {between}; what is due at other times waits until then."


def _how_to_run(job: ResolvedJob) -> str:
    add = "choose a batch" if job.spec.batches.timed or job.upstream else "choose or add a batch"
    return (
        f"*Materialize all* in the group `{job.name}` and {add}, or `batch-ai run {job.name}`. "
        f"`batch-ai estimate {job.name}` says beforehand what it would cost."
    )


def _links(job: ResolvedJob) -> str:
    pages = {
        "results": asset_path(job.name, "results"),
        "completion report": asset_path(job.name, "completion_report"),
        "checks": f"{asset_path(job.name, 'validation_report')}?view=checks",
        "dead letters": asset_path(job.name, "dead_letter_queue"),
        "review": asset_path(job.name, "review_queue"),
    }
    return " · ".join(f"[{label}]({page})" for label, page in pages.items())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, whatever is in its cells."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _cell(text: str) -> str:
    """Text on one line that cannot end its cell or, but in code, start a tag."""
    line = " ".join(text.split()).replace("|", "\\|")
    return _TAG.sub(lambda found: "&lt;" if found[0] == "<" else found[0], line)


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"
