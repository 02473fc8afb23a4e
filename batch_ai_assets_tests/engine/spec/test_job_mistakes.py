"""Every mistake in a job folder is said with its file, its place, and what would be right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.registry import load_job

from .job_folders import EXAMPLES, REMOVE, changed, write_job


def _refusal(folder: Path) -> list[str]:
    with pytest.raises(SpecError) as refused:
        load_job(folder)
    return str(refused.value).splitlines()


MISTAKES: list[tuple[str, object, str, str]] = [
    # where, what is written there, path in the message, words of the message
    ("modle", 1, "modle", "not known. Did you mean 'model'?"),
    ("model.paramters", {}, "model.paramters", "Did you mean 'parameters'?"),
    ("temperature", 0.1, "temperature", "It belongs under model.parameters."),
    ("rules.0.sqll", "x", "rules[0].sqll", "Did you mean 'sql'?"),
    ("prompt.version", 1.5, "prompt.version", '1.5 is not text. Put it in quotes: "1.5"'),
    ("prompt.version", REMOVE, "prompt.version", "is missing. Add it: The prompt's version"),
    ("budget", REMOVE, "budget", "is missing. Add it: What a batch may cost"),
    ("budget", {"limit_usd": "inf"}, "budget.limit_usd", "finite number"),
    ("owner", "", "owner", "is empty. Fill it in: A team"),
    ("owner", "me", "owner", "'me' is no owner; write team:NAME"),
    ("owner", "team:", "owner", "'team:' is no owner"),
    ("owner", "me@example", "owner", "is no owner"),
    ("owner", "me@example.technology", "owner", "is no owner"),
    ("owner", "m\u00fcller@example.com", "owner", "is no owner"),
    ("owner", "'me'@example.com", "owner", "is no owner"),
    ("owner", ".me@example.com", "owner", "is no owner"),
    ("batches.start", "2999-01-01", "batches.start", "2999-01-01 is too far ahead"),
    ("job", "Tickets!", "job", '"Tickets!" does not have the right form'),
    ("job", "other", "job", "is not the name of its folder, 'tickets'"),
    ("data_classification", "secret", "data_classification", "write public, internal,"),
    ("input", "x", "input", '"x" is of the wrong type; write a mapping'),
    ("input.attributes", "label", "input.attributes", '"label" is of the wrong type; write a list'),
    ("input.path", "{hom}/x", "input.path", "{hom} is not known. Did you mean 'home'?"),
    ("input.path", "{home}/{date}", "input.path", "a batch manual has no date"),
    ("input.glob", "../*", "input.glob", "leads out of input.path"),
    ("input.format", "xml", "input.format", "write text, csv, jsonl or parquet"),
    ("input.format", "text", "input.attributes", "a text file has no fields"),
    ("batches.cadence", "yearly", "batches.cadence", "write manual, hourly, daily"),
    ("batches.window", "path", "batches", "use window: snapshot, or a cadence such as daily"),
    ("batches", {"cadence": "daily", "window": "path"}, "input.path", "must hold {date}"),
    (
        "batches",
        {"cadence": "on_arrival", "arrival": {"flag": "{home}/{date}/ready"}},
        "batches.arrival.flag",
        "{date} means nothing here",
    ),
    (
        "batches",
        {"cadence": "on_arrival", "arrival": {"calendar": "../../../etc/passwd"}},
        "batches.arrival.calendar",
        "leads out of the job's folder",
    ),
    ("batches.timezone", "Europe/Pariss", "batches.timezone", "not an IANA time zone"),
    ("batches.at", "25:00", "batches.at", "such as 02:00"),
    ("model.provider", "lokal", "model.provider", "Did you mean 'local'?"),
    ("model.name", "minilm-clasifier", "model.name", "Did you mean 'minilm-classifier'?"),
    ("model.parameters.temperature", 5, "model.parameters.temperature", "at most 2"),
    ("model.parameters.max_tokens", 131_072, "model.parameters.max_tokens", "no room for a doc"),
    ("prompt.file", "nope.md", "prompt.file", "nope.md: there is no such file. Create it"),
    ("prompt.examples", "nope.yaml", "prompt.examples", "nope.yaml: there is no such file"),
    ("output.schema", "x", "output.schema", "write a mapping"),
    ("output.schema.type", "objct", "output.schema.type", "Did you mean 'object'?"),
    ("output.schema.type", "array", "output.schema.type", "write type: object"),
    ("output.schema.properties", {}, "output.schema.properties", "is missing or empty"),
    (
        "output.schema.properties.topic",
        {"type": "strng"},
        "output.schema.properties.topic.type",
        "Did you mean 'string'?",
    ),
    (
        "output.schema.properties.topic.pattern",
        "(",
        "output.schema.properties.topic.pattern",
        'is not a "regex"',
    ),
    ("output.schema.required", ["topik"], "output.schema.required[0]", "Did you mean 'topic'?"),
    ("output.schema.additionalProperties", True, "output.schema.additionalProperties", "Remove"),
    (
        "output.schema.properties.score",
        {"$ref": "https://schemas.example.com/score.json"},
        "output.schema",
        "Write what JSON Schema 2020-12 allows, in this file",
    ),
    ("output.schema.properties.reason", {}, "output.schema.properties.reason", "name is taken"),
    ("output.schema.properties.Reason", {}, "output.schema.properties.Reason", "name is taken"),
    (
        "output.schema.properties.sealed_payload",
        {},
        "output.schema.properties.sealed_payload",
        "name is taken",
    ),
    (
        "output.schema.properties.__file",
        {},
        "output.schema.properties.__file",
        "for example answered_file",
    ),
    ("output.schema.properties.__x", {}, "output.schema.properties.__x", "taken by the platform"),
    ("input.attributes", ["label", "text"], "input.attributes[1]", "holds the document"),
    ("output.schema.properties.model", {}, "output.schema.properties.model", "the name is taken"),
    (
        "output.schema.properties.topic.enum",
        ["bill"],
        "output.schema.properties.topic.enum",
        "Remove the enum here",
    ),
    ("output.taxonomy.topc", {"a": "b"}, "output.taxonomy.topc", "Did you mean 'topic'?"),
    ("output.taxonomy.score", {"a": "b"}, "output.taxonomy.score", "must be of type: string"),
    ("output.taxonomy.topic", {}, "output.taxonomy.topic", "has no values"),
    ("output.taxonomy.topic.bill", 3, "output.taxonomy.topic.bill", 'Put it in quotes: "3"'),
    ("output.confidence.field", "scor", "output.confidence.field", "Did you mean 'score'?"),
    ("output.confidence.from", "field", "output.confidence.field", "is not a number"),
    ("output.confidence", REMOVE, "output.review_below", "nothing says how sure"),
    ("output.review_below", 40, "output.review_below", "40 is out of range"),
    ("input", {"sql": {"url": "postgresql://me:pw@host/db", "query": "SELECT 1"}},
     "input.sql.url", "Write env:NAME, file:/path or aws:NAME"),
    ("input", {"sql": {"url": "env:DESK", "query": "SELECT * FROM mails WHERE at >= :since"}},
     "input.sql.query", ":since is where a window of time begins or ends"),
    ("input", {"path": "inbox", "asset": "other"}, "input", "says path and asset"),
    ("prompt.items_per_request", 0, "prompt.items_per_request", "write a number more than 0"),
    ("rules.0.sql", "topic ==== 1", "rules[0].sql", "'has_topic' is not valid SQL"),
    ("rules.0.sql", "topik <> ''", "rules[0].sql", "topik"),
    ("rules.0.sql", "length(topic)", "rules[0].sql", "not true or false"),
    ("rules.0.sql", "1=1); COPY (SELECT 1) TO '/tmp/x'", "rules[0].sql", "one"),
    ("rules.0.severity", "fatal", "rules[0].severity", "write error or warn"),
    ("rules", {"a": 1}, "rules", "write a list"),
    ("budget", {}, "budget", "set limit_usd, or limit_tokens for a free model"),
    ("budget", {"limit_usd": 1}, "budget", "is free, so limit_usd never stops it"),
    ("budget.limit_tokens", "many", "budget.limit_tokens", "write a whole number"),
    ("budget.limit_tokens", -1, "budget.limit_tokens", "write a number more than 0"),
    ("model.name", "stub", "budget", "'stub' costs money. Set limit_usd."),
    ("retry", {"base_seconds": 60}, "retry.base_seconds", "lies above max_seconds"),
    (
        "thresholds",
        {"failure_rate_warn": 0.5},
        "thresholds.failure_rate_warn",
        "lies above failure_rate_error",
    ),
    ("over_length", "chunk", "over_length", "write dead_letter, truncate or chunk_and_merge"),
    ("chunks.merge", {"topik": "max"}, "chunks.merge.topik", "Did you mean 'topic'?"),
    ("chunks.merge", {"topic": "max"}, "chunks.merge.topic", "Write majority or weighted."),
    ("chunks.merge", {"score": "mean"}, "chunks.merge.score", "write majority, max or weighted"),
    ("chunks.most", 1, "chunks.most", "1 is out of range; write a number at least 2"),
    ("chunks.overlap_tokens", -1, "chunks.overlap_tokens", "write a number at least 0"),
    ("chunks.overlap_tokens", 66_000, "chunks.overlap_tokens", "is more than half of a part"),
    ("chunks.overlap", 10, "chunks.overlap", "Did you mean 'overlap_tokens'?"),
    ("thresholds.block", ["failure"], "thresholds.block[0]", "Did you mean 'failure_rate'?"),
    ("sla.within", "4 hours", "sla.within", "For example `90s`"),
    (
        "evaluation",
        {"field": "topik", "truth": "label"},
        "evaluation.field",
        "Did you mean 'topic'?",
    ),
    (
        "evaluation",
        {"field": "topic", "truth": "labl"},
        "evaluation.truth",
        "Did you mean 'label'?",
    ),
    (
        "evaluation",
        {"field": "topic", "truth": "label", "cohort": "third"},
        "evaluation.cohort",
        "Add it to input.attributes",
    ),
    ("sla", {}, "sla", "write either within, such as 4h, or by, such as 07:00"),
    ("sla", {"within": "4h", "by": "07:00"}, "sla", "write either within"),
    ("sla", {"within": "0h"}, "sla", "0h leaves no time"),
    ("sla", {"by": "7:00"}, "sla.by", "does not have the right form"),
    ("sla", {"by": "07:00", "timezone": "Paris"}, "sla.timezone", "'Paris' is not an IANA"),
    ("limits", {"concurrency": 8, "most_concurrency": 4}, "limits", "4 is less than concurrency 8"),
    ("consumer_webhook", "https://x.example/t0ken", "consumer_webhook", "not a reference to a"),
    ("batches", {"off_peak": {"from": "22:00", "until": "22:00"}}, "batches.off_peak", "22:00"),
]


@pytest.mark.parametrize(("where", "value", "path", "said"), MISTAKES)
def test_a_mistake_is_named_with_file_line_path_and_remedy(
    tmp_path: Path, where: str, value: object, path: str, said: str
) -> None:
    folder = write_job(tmp_path, changed((where, value)))
    lines = _refusal(folder)
    place = re.compile(rf"{re.escape(str(folder / 'job.yaml'))}(:\d+)?: {re.escape(path)}: ")
    assert any(place.match(line) and said in line for line in lines), lines
    assert "Traceback" not in "".join(lines)


def test_the_line_is_that_of_the_mistake(tmp_path: Path) -> None:
    folder = write_job(tmp_path, changed(("output.schema.properties.topic.type", "strng")))
    (line,) = _refusal(folder)
    number = int(line.removeprefix(f"{folder / 'job.yaml'}:").split(":")[0])
    assert "strng" in (folder / "job.yaml").read_text().splitlines()[number - 1]


def test_several_mistakes_of_shape_are_all_listed(tmp_path: Path) -> None:
    job = changed(("modle", 1), ("owner", "me"), ("budget", REMOVE), ("sla.within", "soon"))
    assert len(_refusal(write_job(tmp_path, job))) == 4


def test_several_mistakes_of_sense_are_all_listed(tmp_path: Path) -> None:
    job = changed(
        ("job", "other"),
        ("prompt.file", "nope.md"),
        ("model.name", "nope"),
        ("input.path", "{homme}"),
        ("evaluation", {"field": "x", "truth": "y"}),
    )
    assert len(_refusal(write_job(tmp_path, job))) == 6


def test_every_bad_rule_is_listed_and_no_good_one(tmp_path: Path) -> None:
    rules = [
        {"name": "bad", "sql": "nope = 1"},
        {"name": "good", "sql": "topic <> ''"},
        {"name": "worse", "sql": "(("},
    ]
    lines = _refusal(write_job(tmp_path, changed(("rules", rules))))
    assert [re.search(r"rules\[\d\]", line).group() for line in lines] == ["rules[0]", "rules[2]"]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", ["number", "null"]])
def test_the_largest_of_numbers_and_of_true_and_false_may_be_merged(
    tmp_path: Path, kind: object
) -> None:
    job = changed(
        ("over_length", "chunk_and_merge"),
        ("output.schema.properties.score.type", kind),
        ("chunks", {"merge": {"score": "max", "topic": "weighted"}, "overlap_tokens": 50}),
    )
    examples: list[object] = []
    assert load_job(write_job(tmp_path, job, examples=examples)).spec.chunks.most == 50


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    rules = [{"name": "same", "sql": "true"}, {"name": "same", "sql": "topic <> ''"}]
    (line,) = _refusal(write_job(tmp_path, changed(("rules", rules))))
    assert "rules[1].name: 'same' is the name of another rule too" in line


def test_an_unapproved_data_class_is_refused_with_the_approved_ones(tmp_path: Path) -> None:
    job = changed(
        ("model", {"provider": "openai", "name": "gpt-4.1-mini"}),
        ("data_classification", "restricted"),
        ("budget", {"limit_usd": 1}),
    )
    (line,) = _refusal(write_job(tmp_path, job))
    assert "data_classification: provider 'openai' is not approved for restricted" in line
    assert "only for internal, public" in line
    assert "Use an approved provider" in line


def test_a_provider_outside_the_demanded_region_is_refused(tmp_path: Path) -> None:
    job = changed(
        ("model", {"provider": "openai", "name": "gpt-4.1-mini"}),
        ("residency", "eu"),
        ("budget", {"limit_usd": 1}),
    )
    (line,) = _refusal(write_job(tmp_path, job))
    assert "residency: documents must stay in 'eu', but provider 'openai' works in 'us'" in line


def test_an_empty_prompt_is_refused(tmp_path: Path) -> None:
    (line,) = _refusal(write_job(tmp_path, prompt=" \n"))
    assert "prompt.file: " in line
    assert "prompt.md is empty. Write the instructions into it." in line


def test_a_prompt_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (line,) = _refusal(write_job(tmp_path, prompt=b"caf\xe9"))
    assert "prompt.md: byte 3 is not UTF-8. Save the file as UTF-8." in line


def test_a_missing_prompt_is_refused(tmp_path: Path) -> None:
    (line,) = _refusal(write_job(tmp_path, prompt=None))
    assert "prompt.md: there is no such file" in line


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ([{"text": "x", "output": {"topic": "bgu", "score": 1}}], "[0].output.topic: "),
        ([{"text": "x", "output": {"topic": "bug"}}], '"score" is a required property'),
        ([{"txt": "x", "output": {}}], "[0].txt: this key is not known. Did you mean 'text'?"),
        ([*EXAMPLES, 5], "[1]: 5 is of the wrong type; write a mapping"),
        ({"a": 1}, "write a list of examples"),
        ("- text: [", "this is not YAML"),
        ("", "write a list of examples"),
    ],
)
def test_an_example_that_does_not_fit_is_named_in_its_own_file(
    tmp_path: Path, examples: object, said: str
) -> None:
    folder = write_job(tmp_path, examples=examples)
    lines = _refusal(folder)
    assert any(str(folder / "examples.yaml") in line and said in line for line in lines), lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "a list is of the wrong type; write a mapping"),
        ("job: [\n", "this is not YAML"),
        ("job: tickets\njob: tickets\n", "the key 'job' is given twice"),
    ],
)
def test_a_file_that_is_no_job_at_all_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = write_job(tmp_path, text)
    lines = _refusal(folder)
    assert lines[0].startswith(str(folder / "job.yaml"))
    assert said in lines[0]


def test_a_folder_without_a_job_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (line,) = _refusal(tmp_path / "empty")
    assert "job.yaml: there is no such file" in line


def test_an_answer_with_a_field_id_cannot_share_a_request(tmp_path: Path) -> None:
    folder = write_job(
        tmp_path,
        changed(
            ("prompt.items_per_request", 5), ("output.schema.properties.id", {"type": "string"})
        ),
    )
    (line,) = [line for line in _refusal(folder) if "items_per_request" in line]
    assert "cannot have a field 'id'" in line
