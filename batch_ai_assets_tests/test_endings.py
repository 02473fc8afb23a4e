from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from batch_ai_assets.assets.figures import PLAN_ROWS
from batch_ai_assets.connections import open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.order import OrderKind
from batch_ai_assets.engine.tables import TableStore
from batch_ai_assets.engine.validation.columns import Column, arrow_schema
from batch_ai_assets.settings import settings

from .jobs import job_file, write_documents, write_registry
from .running import Platform, evaluations, failure, letters, refused

Make = Callable[..., Platform]
EIGHT = (
    "raw_inputs", "work_plan", "enriched_outputs", "validation_report",
    "results", "dead_letter_queue", "review_queue", "completion_report",
)  # fmt: skip
PLOTTED = {
    "items", "valid", "dead", "review", "calls", "tokens_in", "cost_usd", "cost_per_item_usd",
    "failure_rate", "dead_letter_rate", "validation_pass_rate", "items_per_second",
    "duration_seconds",
}  # fmt: skip
"""What a person plots over batches."""


def numbers(event: dg.AssetMaterialization | None) -> dict[str, Any]:
    assert event is not None
    return {key: value.value for key, value in event.metadata.items()}


def shown_columns(here: Platform, name: str) -> pa.Schema:
    """The columns of an asset of `mail` as the catalogue shows them, without any run."""
    asset = build_defs(here.registry).resolve_assets_def(dg.AssetKey(["mail", name]))
    columns = asset.get_asset_spec().metadata["dagster/column_schema"].columns
    return arrow_schema(tuple(Column(one.name, one.type, "") for one in columns))


def test_a_completed_batch_has_eight_assets_that_tell_one_story(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(5), **refused(2)})

    run = here.run("mail", "monday")

    assert run.success
    assert here.state(run) == "completed_with_dead_letters"
    told = {name: numbers(here.newest("mail", name, "monday")) for name in EIGHT}
    assert all(told[name]["items"] == 7 for name in EIGHT)
    assert told["results"]["dagster/row_count"] == told["results"]["valid"] == 5
    assert told["dead_letter_queue"]["dagster/row_count"] == 2
    assert told["completion_report"]["conservation"].startswith("7 items = ")
    assert told["completion_report"]["conservation_holds"] is True
    assert all("duration_seconds" in told[name] for name in EIGHT)
    assert all(set(told[name]) >= PLOTTED for name in EIGHT[1:])
    # asset → report → run, and back
    page = "http://127.0.0.1:3000/assets/mail/completion_report?view=partitions&partition=monday"
    assert {told[name]["completion_report"] for name in EIGHT[1:]} == {page}
    assert told["completion_report"]["run"] == run.run_id
    files = here.report("mail", "monday").folder
    assert told["completion_report"]["report"] == (files / "report.md").read_text()
    for form in ("html", "md"):
        assert f"127.0.0.1:3000/runs/{run.run_id}" in (files / f"report.{form}").read_text()
    # the catalogue knew the columns of every table beforehand
    for name in EIGHT[:-1]:
        written = TableStore(settings().data_url).latest("mail", name, "monday")
        assert written is not None
        assert written.schema.equals(shown_columns(here, name)), name
    assert "dagster/column_lineage" in told["results"]


def test_the_plan_is_shown_with_what_it_will_ask_and_what_it_will_not(platform: Make) -> None:
    here = platform(job_file(shards={"count": 2}))
    write_documents(here.home, "mail", {**letters(5), "blank": " "})

    here.run("mail", "monday")

    plan = numbers(here.newest("mail", "work_plan", "monday"))
    assert (plan["to_ask"], plan["shards"], plan["truncated"]) == (5, 2, 0)
    assert plan["expected_tokens_in"] > 0
    assert 0 <= plan["expected_cost_usd"] <= plan["most_cost_usd"]
    assert plan["plan"].startswith("| shard | group | items |")
    assert len(plan["plan"].splitlines()) == 4
    assert [record.data for record in plan["not_asked"].records] == [
        {"why": "cannot be asked: see dead_by_reason", "items": 1}
    ]


def test_a_plan_of_many_shards_shows_the_first_ones(platform: Make) -> None:
    here = platform(job_file(shards={"count": PLAN_ROWS + 3}))
    write_documents(here.home, "mail", letters(PLAN_ROWS + 3))

    here.run("mail", "monday")

    plan = numbers(here.newest("mail", "work_plan", "monday"))["plan"]
    assert plan.count("\n| ") == PLAN_ROWS
    assert plan.endswith("3 more shards: see the table `work_plan`.")


def test_a_finished_batch_is_not_paid_again(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(5))
    here.run("mail", "monday")
    before = here.model.stats()["calls"]

    again = here.run("mail", "monday")

    assert again.success
    assert here.model.stats()["calls"] == before
    record = here.report("mail", "monday").record()
    assert record.version == 1


def test_the_mode_tag_asks_for_a_new_version_that_stored_answers_serve(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(5))
    here.run("mail", "monday")
    before = here.model.stats()["calls"]

    here.run("mail", "monday", **{"batch_ai/mode": "reprocess"})

    record = here.report("mail", "monday").record()
    assert (record.version, record.from_store, record.cost_usd) == (2, 5, 0.0)
    assert here.model.stats()["calls"] == before


def test_a_mode_that_is_none_is_refused_before_any_call(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))

    run = here.run("mail", "monday", **{"batch_ai/mode": "again"})

    assert "may be resume, reprocess, reread, fresh" in failure(run)
    assert here.model.stats()["calls"] == 0


def test_a_key_that_no_batch_can_have_is_refused_and_leaves_nothing_behind(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))

    run = here.run("mail", "Monday_1")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert "'Monday_1' is not a batch key: write lower-case letters" in failure(run)
    assert here.model.stats()["calls"] == 0
    assert here.instance.get_dynamic_partitions("mail") == []
    assert not list(here.home.rglob("*Monday_1*"))


def test_the_completion_report_shows_the_report_before_its_figures(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))

    here.run("mail", "monday")

    event = here.newest("mail", "completion_report", "monday")
    assert event is not None
    assert next(iter(event.metadata)) == "report"


def test_a_batch_without_input_fails_with_the_engines_words(platform: Make) -> None:
    here = platform(job_file())

    run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert here.state(run) == "failed"
    assert "inbox/mail" in failure(run)
    assert here.newest("mail", "completion_report", "monday") is None


def test_a_batch_at_the_end_of_its_budget_halts_and_still_reports(platform: Make) -> None:
    here = platform(job_file(budget={"limit_usd": 0.002, "before_start": "warn"}))
    write_documents(here.home, "mail", letters(50))

    run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert here.state(run) == "halted: budget"
    report = here.newest("mail", "completion_report", "monday")
    told = numbers(report)
    assert told["run"] == run.run_id
    assert told["pending"] > 0
    assert told["conservation_holds"] is True
    assert set(told) >= PLOTTED | {"cpu_seconds", "peak_rss_bytes"}
    assert here.newest("mail", "dead_letter_queue", "monday") is not None
    assert here.newest("mail", "results", "monday") is None


def test_a_halted_run_is_not_tried_again_by_any_retry_policy(platform: Make) -> None:
    here = platform(job_file(budget={"limit_usd": 0.002, "before_start": "warn"}))
    write_documents(here.home, "mail", letters(50))

    run = here.run("mail", "monday")

    assert not any(event.is_step_up_for_retry for event in run.all_events)
    found = here.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.tags["dagster/failure_reason"] == "STEP_FAILURE"


def test_a_halted_batch_goes_on_where_it_was_when_the_budget_is_raised(platform: Make) -> None:
    here = platform(job_file(budget={"limit_usd": 0.002, "before_start": "warn"}))
    write_documents(here.home, "mail", letters(50))
    here.run("mail", "monday")
    paid = here.answers()

    write_registry(here.folder, job_file(), base_url=here.model.base_url)
    run = here.run("mail", "monday")

    assert run.success
    answers = here.answers()
    assert len(paid) < 50 == len(answers)
    assert set(answers.values()) == {1}


def test_a_batch_is_paused_whose_provider_is_not_there_and_it_is_named(platform: Make) -> None:
    here = platform(job_file())
    write_registry(here.folder, job_file(), base_url="http://127.0.0.1:9/v1")
    write_documents(here.home, "mail", letters(5))

    run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.SUCCESS
    assert here.state(run) == "paused: provider"
    record = here.report("mail", "monday").record()
    assert "127.0.0.1:9" in record.message
    assert record.conservation.pending == 5


def test_no_document_text_is_in_anything_that_dagster_keeps(platform: Make) -> None:
    here = platform(job_file())
    secret = "the moon is made of copper"
    write_documents(
        here.home, "mail", {"a": secret, "b": f"[[stub:refusal]] {secret}", **letters(1)}
    )

    run = here.run("mail", "monday")

    records = here.instance.all_logs(run.run_id)
    kept = " ".join(dg.serialize_value(record) for record in records)
    report = here.newest("mail", "completion_report", "monday")
    assert secret not in kept
    assert secret not in json.dumps(dg.serialize_value(report))
    for name in ("report.json", "report.md", "report.html"):
        assert secret not in (here.report("mail", "monday").folder / name).read_text()


def test_a_paused_batch_ends_well_skips_what_follows_and_goes_on_later(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(5))

    with open_deps() as outside:
        orders = outside.store.orders
        orders.add("mail", "monday", OrderKind.PAUSE, who="cli:ops", why="prices")
        paused = here.run("mail", "monday")
        orders.add("mail", "monday", OrderKind.RESUME, who="cli:ops", why="")

    assert paused.success
    assert here.state(paused) == "paused: person"
    assert here.report("mail", "monday").record().state == "paused"
    assert here.newest("mail", "enriched_outputs", "monday") is None
    assert here.newest("mail", "results", "monday") is None
    assert not evaluations(paused)
    assert here.run("mail", "monday").success
    assert here.newest("mail", "results", "monday") is not None


@pytest.mark.drill
def test_a_batch_that_another_run_holds_is_left_alone_and_the_holder_named(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))

    with open_deps() as other, other.store.leases.kept("mail", "monday", "other", "ops on host7"):
        run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert here.state(run) == "held by another run"
    assert "ops on host7" in failure(run)
    assert here.model.stats()["calls"] == 0
    assert here.newest("mail", "completion_report", "monday") is None
