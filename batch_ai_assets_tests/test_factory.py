from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.asset_checks import CHECKS
from batch_ai_assets.assets import costs, governance
from batch_ai_assets.assets.catalogue import CATALOGUE, steward_tags
from batch_ai_assets.assets.registry import CHECK, KEY
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.registry import load_registry

from .jobs import job_file, registry_of, write_registry

DAILY = {"cadence": "daily", "at": "03:30", "timezone": "Europe/Paris", "window": "path"}

EDGES = {
    "raw_inputs": set(),
    "work_plan": {"raw_inputs"},
    "enriched_outputs": {"work_plan"},
    "validation_report": {"enriched_outputs"},
    "results": {"validation_report"},
    "dead_letter_queue": {"validation_report"},
    "review_queue": {"validation_report"},
    "completion_report": {"validation_report", "results"},
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """A manual job `mail` and a daily job `post`."""
    post = job_file(
        "post",
        batches=DAILY,
        input={"path": "{home}/inbox/post/{date}", "format": "jsonl"},
        thresholds={"block": ["dead_letter_rate"]},
        tags={"desk": "claims & complaints", "cost_centre": "4711"},
        owner="post@example.com",
    )
    return build_defs(registry_of(tmp_path_factory.mktemp("registry"), job_file(), post))


@pytest.fixture(scope="module")
def repository(definitions: dg.Definitions) -> dg.RepositoryDefinition:
    return definitions.get_repository_def()


def test_a_job_becomes_eight_assets_with_the_edges_of_the_design(
    repository: dg.RepositoryDefinition,
) -> None:
    graph = repository.asset_graph
    for name, parents in EDGES.items():
        node = graph.get(dg.AssetKey(["mail", name]))
        assert {key.path[-1] for key in node.parent_keys} == parents, name
    of_mail = [key for key in graph.get_all_asset_keys() if key.path[0] == "mail"]
    assert len(of_mail) == len(EDGES) == 8


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_asset_says_who_owns_it_what_it_holds_and_what_made_it(
    definitions: dg.Definitions, name: str
) -> None:
    spec = definitions.resolve_assets_def(dg.AssetKey(["post", name])).get_asset_spec()

    assert spec.owners == ["post@example.com"]
    assert spec.group_name == "post"
    assert spec.kinds
    assert spec.code_version
    assert len(spec.description or "") > 80
    assert spec.tags["data_classification"] == "internal"
    assert spec.metadata["consumers"] == "reporting"


def test_the_jobs_own_tags_are_kept_in_the_letters_that_a_tag_may_have(
    tmp_path: Path,
) -> None:
    job = registry_of(tmp_path, job_file(tags={"desk": "claims & complaints"})).jobs["mail"]

    assert steward_tags(job)["desk"] == "claims-complaints"


def test_what_decides_results_is_the_code_version_and_what_does_not_is_not(tmp_path: Path) -> None:
    def version(**changes: object) -> str | None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        made = build_defs(registry_of(folder, job_file(**changes)))
        results = made.resolve_assets_def(dg.AssetKey(["mail", "results"]))
        return results.get_asset_spec().code_version

    plain = version()
    assert version(budget={"limit_usd": 9.0}, owner="team:other") == plain
    assert version(prompt={"file": "prompt.md", "version": "2"}) != plain


def test_every_check_is_partitioned_by_batch_and_says_whether_it_blocks(
    repository: dg.RepositoryDefinition,
) -> None:
    blocking = {}
    for job in ("mail", "post"):
        for words in CHECKS:
            key = dg.AssetCheckKey(dg.AssetKey([job, "validation_report"]), words.name)
            spec = repository.asset_graph.get_check_spec(key)
            assert spec.partitions_def is not None
            assert spec.description is not None
            assert ("blocks the release" in spec.description) == spec.blocking
            blocking[job, words.name] = spec.blocking

    always = {"completeness", "schema", "rules", "lineage"}
    assert {name for (job, name), stops in blocking.items() if job == "mail" and stops} == always
    asked = {name for (job, name), stops in blocking.items() if job == "post" and stops}
    assert asked == always | {"dead_letter_rate"}


def test_a_daily_job_runs_by_itself_at_its_own_time(repository: dg.RepositoryDefinition) -> None:
    schedule = repository.get_schedule_def("post_daily")

    assert schedule.cron_schedule == "30 3 * * *"
    assert schedule.execution_timezone == "Europe/Paris"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_a_job_runs_all_its_assets_in_one_process_and_comes_back_whole(
    repository: dg.RepositoryDefinition,
) -> None:
    job = repository.get_job("mail")

    assert job.executor_def.name == "in_process"
    assert len(job.nodes) == 11  # eight assets, and one step for the checks of each of three
    assert job.run_tags["dagster/retry_strategy"] == "ALL_STEPS"


def test_assets_picked_by_hand_run_in_one_process_too(definitions: dg.Definitions) -> None:
    picked = definitions.resolve_implicit_global_asset_job_def()

    assert picked.executor_def.name == "in_process"


def test_dead_letters_can_be_written_again_alone(repository: dg.RepositoryDefinition) -> None:
    assert [node.name for node in repository.get_job("mail__dead_letters").nodes] == [
        "mail__dead_letter_queue"
    ]


def test_one_sensor_watches_the_dead_letters_of_all_jobs(
    repository: dg.RepositoryDefinition,
) -> None:
    sensor = repository.get_sensor_def("dead_letters")

    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert {target.job_name for target in sensor.targets} == {
        "mail__dead_letters",
        "post__dead_letters",
    }


def test_a_broken_job_file_takes_no_other_down_and_fails_the_check_on_the_registry(
    tmp_path: Path,
) -> None:
    folder = write_registry(tmp_path, job_file(), job_file("lost", purpoze="?"))
    definitions = build_defs(load_registry(folder))

    whole = definitions.resolve_implicit_global_asset_job_def()
    checks = {dg.AssetCheckKey(KEY, CHECK)}
    alone = whole.get_subset(asset_selection={KEY}, asset_check_selection=checks)
    result = alone.execute_in_process()

    assert definitions.resolve_job_def("mail")
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert "lost" in (evaluation.description or "")
    assert "purpoze" in str(evaluation.metadata["lost"].value)


def test_a_registry_without_jobs_still_loads(tmp_path: Path) -> None:
    repository = build_defs(registry_of(tmp_path)).get_repository_def()
    schedules = {one.name for one in repository.schedule_defs}
    assert schedules == {governance.SCHEDULE, costs.SCHEDULE}


def test_resources_can_be_swapped(tmp_path: Path) -> None:
    definitions = build_defs(registry_of(tmp_path, job_file()), {"engine": object()})

    assert "engine" in definitions.resources
    assert not hasattr(definitions.resources["engine"], "duckdb")


@pytest.mark.parametrize(
    "owner",
    ["team:risk", "team:a.b-c", "me@example.com", "a.b+c%d_e-@ex-ample.co.uk", "0@x.museum"],
)
def test_an_owner_that_the_registry_takes_is_one_that_dagster_takes(
    owner: str, tmp_path: Path
) -> None:
    registry = registry_of(tmp_path, job_file(owner=owner))
    assert not registry.broken
    assert "mail" in {job.name for job in build_defs(registry).get_repository_def().get_all_jobs()}


def test_a_job_that_dagster_refuses_is_broken_and_takes_no_other_down(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, job_file(), job_file("post"))
    post = registry.jobs["post"]
    odd = post.model_copy(update={"spec": post.spec.model_copy(update={"owner": "nobody"})})
    definitions = build_defs(replace(registry, jobs={**registry.jobs, "post": odd}))
    repository = definitions.get_repository_def()
    groups = {key.path[0] for key in repository.asset_graph.get_all_asset_keys()}
    assert groups == {"job_registry", "governance_report", "cost_report", "mail"}
    check = dg.materialize(
        [definitions.get_assets_def(KEY), *(definitions.asset_checks or ())][:2],
        resources=definitions.resources,
    )
    found = check.get_asset_check_evaluations()[0]
    assert not found.passed
    assert "Dagster cannot take the job" in str(found.metadata["post"].value)
