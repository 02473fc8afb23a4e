"""Whether the input of a job fits the rest of it: its keys each other, and its batches.

A part of the cross-checks, in the same form: `(path in job.yaml, what is wrong and right)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from .job import JobSpec
from .problems import did_you_mean
from .yaml_file import Where

Finding = tuple[Where, str]

PATH_PARTS = ("home", "date", "batch")
"""What may stand in braces in `input.path`."""

_SECRET = re.compile(r"(env|file|aws):.+")
_OF_A_WINDOW = re.compile(r"(?<![:\w\\]):(since|until)\b")


def check_input(spec: JobSpec) -> Iterator[Finding]:
    """Everything about `input` that the job file alone can tell."""
    kind = spec.input.kind
    if kind == "path":
        yield from _check_path(spec)
    elif kind == "sql":
        yield from _check_sql(spec)
    elif spec.batches.cadence == "on_arrival":
        yield (
            ("batches", "cadence"),
            "a job that reads an asset has that asset's batches. Remove on_arrival.",
        )
    if kind != "path":
        for key in ("settle", "mark"):
            if getattr(spec.input, key):
                yield ("input", key), "is about files; without input.path remove it."
    yield from _check_window(spec)
    yield from _check_columns(spec)
    yield from _check_arrival(spec)


def _check_path(spec: JobSpec) -> Iterator[Finding]:
    path = spec.input.path or ""
    for part in re.findall(r"\{([^{}]*)\}", path):
        if part not in PATH_PARTS:
            yield (
                ("input", "path"),
                f"{{{part}}} is not known.{did_you_mean(part, PATH_PARTS)}"
                " Known here: {home}, {date}, {batch}.",
            )
    if not spec.batches.timed and "{date}" in path:
        yield (
            ("input", "path"),
            f"a batch {spec.batches.cadence.replace('_', ' ')} has no date. Write {{batch}}, or"
            " set batches.cadence: daily.",
        )
    if spec.batches.cadence == "on_arrival" and "{batch}" in path:
        yield (
            ("input", "path"),
            "documents arrive before their batch has a name. Name the folder without {batch}.",
        )
    if PurePath(spec.input.glob).is_absolute() or ".." in PurePath(spec.input.glob).parts:
        yield (
            ("input", "glob"),
            f"{spec.input.glob!r} leads out of input.path. Write a pattern below it: **/*.txt.",
        )


def _check_sql(spec: JobSpec) -> Iterator[Finding]:
    assert spec.input.sql is not None
    if not _SECRET.fullmatch(spec.input.sql.url):
        yield (
            ("input", "sql", "url"),
            "does not say where the URL is found. Write env:NAME, file:/path or aws:NAME; the"
            " URL itself holds a password and stays out of this file.",
        )
    named = _OF_A_WINDOW.search(spec.input.sql.query)
    if named and spec.batches.cadence == "manual":
        yield (
            ("input", "sql", "query"),
            f"{named[0]} is where a window of time begins or ends, and batches made by hand have"
            " none. Write :batch, or set batches.cadence: daily.",
        )
    if spec.batches.cadence == "on_arrival":
        yield (
            ("batches", "cadence"),
            "arrival is seen in files. Read a query hourly or daily, or write its rows to files.",
        )


def _check_window(spec: JobSpec) -> Iterator[Finding]:
    window, path = spec.batches.window, spec.input.path or ""
    if window == "path" and "{date}" not in path and "{batch}" not in path:
        yield (
            ("input", "path"),
            "batches.window is path, so the path must hold {date}: {home}/inbox/{date}.",
        )
    if window == "column" and not spec.input.updated_at:
        yield (
            ("input", "updated_at"),
            "batches.window is column. Name the column that says when a row was written.",
        )
    if window == "file_time" and spec.input.kind != "path":
        yield ("batches", "window"), "there are no files here. Write column or snapshot."


def _check_arrival(spec: JobSpec) -> Iterator[Finding]:
    arrival = spec.batches.arrival
    if arrival is None:
        return
    for part in re.findall(r"\{([^{}]*)\}", arrival.flag or ""):
        if part != "home":
            yield (
                ("batches", "arrival", "flag"),
                f"{{{part}}} means nothing here: a flag comes before its batch has a name."
                " Known here: {home}.",
            )
    if arrival.calendar and (
        PurePath(arrival.calendar).is_absolute() or ".." in PurePath(arrival.calendar).parts
    ):
        yield (
            ("batches", "arrival", "calendar"),
            f"{arrival.calendar!r} leads out of the job's folder. Put it beside job.yaml.",
        )


def _check_columns(spec: JobSpec) -> Iterator[Finding]:
    if spec.input.has_rows:
        if spec.input.text in spec.input.attributes:
            yield (
                ("input", "attributes", spec.input.attributes.index(spec.input.text)),
                f"{spec.input.text!r} holds the document (input.text), which is kept sealed; an"
                " attribute is not. Remove it here.",
            )
        return
    for key in ("attributes", "classification", "priority", "updated_at"):
        if getattr(spec.input, key):
            yield (
                ("input", key),
                "a text file has no fields. Use format: csv or jsonl, or remove this key.",
            )
