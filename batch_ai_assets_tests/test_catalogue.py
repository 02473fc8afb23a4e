"""What the catalogue says of a job before anything ran: columns, their sources, the overview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from batch_ai_assets.assets.catalogue import CATALOGUE
from batch_ai_assets.assets.overview import job_overview
from batch_ai_assets.assets.registry import registry_metadata
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.registry import Registry

from .jobs import job_file, registry_of

TABLES = tuple(name for name in CATALOGUE if name != "completion_report")
JOBS = ("mail", "routes", "post")
RULES = [
    {"name": "known", "sql": "TOPIC IN ('card', 'confidence') -- nor model"},
    {"name": "named", "sql": "length(\"batch\") > 1 OR job = 'topic'", "severity": "warn"},
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """`mail`; `routes`, which reads its results; and `post`, which runs by the clock."""
    return registry_of(
        tmp_path_factory.mktemp("registry"),
        job_file(
            output={
                **job_file()["output"],
                "confidence": {"from": "logprob", "field": "topic"},
                "review_below": 0.6,
            },
        ),
        job_file("routes", input={"asset": "mail", "text": "topic", "attributes": ["model"]}),
        job_file(
            "post",
            purpose="Sort letters | by desk,\nand <b>soon</b>.",
            batches={"cadence": "daily", "at": "03:30", "timezone": "Europe/Paris",
                     "window": "path"},
            input={"path": "{home}/inbox/post/{date}", "format": "jsonl"},
            sla={"within": "4h"},
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def definitions(registry: Registry) -> dg.Definitions:
    return build_defs(registry)


def spec(definitions: dg.Definitions, job: str, name: str) -> dg.AssetSpec:
    return definitions.resolve_assets_def(dg.AssetKey([job, name])).get_asset_spec()


def columns(definitions: dg.Definitions, key: dg.AssetKey) -> dict[str, dg.TableColumn]:
    found = spec(definitions, *key.path).metadata["dagster/column_schema"].columns
    return {column.name: column for column in found}


def lineage(definitions: dg.Definitions, job: str, name: str) -> dict[str, list[str]]:
    """Column → its sources, as `job/asset.column`."""
    said = spec(definitions, job, name).metadata.get("dagster/column_lineage")
    deps: Any = {} if said is None else said.deps_by_column
    return {
        column: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in sources]
        for column, sources in deps.items()
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_table_shows_its_columns_and_what_they_mean_before_the_first_run(
    definitions: dg.Definitions, name: str
) -> None:
    shown = columns(definitions, dg.AssetKey(["mail", name]))

    assert {"job", "batch"} <= set(shown)
    assert all(column.type and column.description for column in shown.values())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("job", JOBS)
def test_columns_come_from_columns_that_there_are(
    definitions: dg.Definitions, job: str, name: str
) -> None:
    there = columns(definitions, dg.AssetKey([job, name]))
    said = lineage(definitions, job, name)
    assert set(said) <= set(there)
    for column, sources in said.items():
        for source in sources:
            asset, _, origin = source.partition(".")
            assert origin in columns(definitions, dg.AssetKey(asset.split("/"))), source
            # The UI draws no lineage of columns: it stands where the column is described.
            assert f".{origin}](/assets/{asset})" in str(there[column].description)


def test_a_result_leads_back_over_the_answer_to_the_document_of_the_first_job(
    definitions: dg.Definitions,
) -> None:
    way = ["routes/results.topic"]
    while True:
        asset, _, column = way[-1].partition(".")
        job, name = asset.split("/")
        sources = lineage(definitions, job, name).get(column)
        if not sources:
            break
        way.append(sources[0])

    assert way == [
        "routes/results.topic", "routes/enriched_outputs.topic", "routes/raw_inputs.sealed",
        "mail/results.topic", "mail/enriched_outputs.topic", "mail/raw_inputs.sealed",
    ]  # fmt: skip
    read = lineage(definitions, "routes", "raw_inputs")
    assert read["item_id"] == ["mail/results.item_id"]
    assert read["attributes"] == ["mail/results.model"]


def test_a_verdict_comes_from_the_columns_that_its_rule_names(tmp_path: Path) -> None:
    made = build_defs(registry_of(tmp_path, job_file(rules=RULES)))

    said = lineage(made, "mail", "validation_report")

    assert said["rule_known"] == ["mail/enriched_outputs.topic"]
    assert said["rule_named"] == ["mail/enriched_outputs.batch", "mail/enriched_outputs.job"]
    assert said["end"] == ["mail/enriched_outputs.topic", "mail/raw_inputs.problem_reason"]
    assert "mail/validation_report.rule_named" in lineage(made, "mail", "results")["flags"]


def test_the_job_is_told_at_a_glance_where_people_look_first(
    definitions: dg.Definitions, registry: Registry
) -> None:
    overview = job_overview(registry.jobs["post"])

    for said in (
        "| Owner | team:risk |",
        "| Data class | internal; residency: any |",
        "| Batches | Every day at 03:30 (Europe/Paris): runs the batch of the day before. |",
        "| Model | stub, at near ($1 in, $2 out per million tokens) |",
        "| Budget of a batch | $5.00 |",
        "| To be done within | 4h |",
        "| Consumers | reporting |",
        "| `topic` | string | What it is about. | `card`, `other` |",
        "| topic_is_known | error |  | `topic IN ('card', 'other')` |",
        "`batch-ai run post`",
        "[dead letters](/assets/post/dead_letter_queue)",
    ):
        assert said in overview
    told = [spec(definitions, "post", name).description for name in CATALOGUE]
    assert [overview in str(text) for text in told] == [
        name in ("results", "completion_report") for name in CATALOGUE
    ]
    assert overview in str(definitions.resolve_job_def("post").description)


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ({"cadence": "manual"}, "Whenever somebody asks for one."),
        (
            {"cadence": "on_arrival", "arrival": {"items": 500, "age": "15m"}},
            "On arrival: as soon as 500 documents wait, or the oldest has waited 15m.",
        ),
        (
            {"cadence": "monthly", "day": "last_day", "start_window": {"from": "01:00",
                                                                       "until": "05:00"}},
            "On the last day of every month at 02:00 (UTC): runs the batch of the month that closes"
            " then. Only between 01:00 and 05:00; what is due at other times waits until then.",
        ),
    ],
)  # fmt: skip
def test_the_overview_says_when_a_batch_runs(
    batches: dict[str, Any], said: str, tmp_path: Path
) -> None:
    registry = registry_of(tmp_path, job_file(batches=batches))
    assert f"| Batches | {said} |" in job_overview(registry.jobs["mail"])


def test_a_job_that_follows_another_says_so_and_links_to_it(registry: Registry) -> None:
    overview = job_overview(registry.jobs["routes"])
    assert "| Batches | Follows mail: runs a batch when mail has released it. |" in overview
    assert "| Documents | the [results of mail](/assets/mail/results) |" in overview


def test_the_registry_lists_the_jobs_whatever_is_in_their_words(registry: Registry) -> None:
    listed = str(registry_metadata(registry)["overview"].value).splitlines()
    assert len(listed) == 2 + len(JOBS)
    assert listed[3] == (
        "| [post](/assets/post/results) | Sort letters \\| by desk, and &lt;b>soon&lt;/b>. "
        "| team:risk | internal | daily | stub at near |"
    )


def test_job_and_data_class_are_tags_of_assets_and_of_runs(definitions: dg.Definitions) -> None:
    tags = spec(definitions, "mail", "results").tags
    assert (tags["batch_ai/job"], tags["data_classification"]) == ("mail", "internal")
    for name in ("mail", "mail__dead_letters", "mail__replay_dead_letters"):
        run = definitions.resolve_job_def(name).run_tags
        assert run["batch_ai/job"] == "mail"
        assert run["batch_ai/data_classification"] == "internal"
