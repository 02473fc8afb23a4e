"""One job's results are the next job's documents: in Dagster, from one click.

Which version is read is shown in engine/batch/test_sources.py, without Dagster.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from batch_ai_assets.connections import open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.tables import BatchTable

from .jobs import job_file, write_documents
from .running import Platform, failure, letters, refused


def follower(name: str = "routes", **source: Any) -> dict[str, Any]:
    """A job that reads the results of `mail`."""
    reads = {"asset": "mail", "text": "topic", "attributes": ["output_id", "confidence"], **source}
    return job_file(name, input=reads)


def released(job: str, batch: str) -> list[dict[str, Any]]:
    with open_deps() as deps:
        current = deps.tables.current(job, batch)
        assert current is not None
        rows: list[dict[str, Any]] = deps.tables.open(current.path).to_arrow().to_pylist()
        return rows


def manifest(job: str, batch: str) -> BatchTable:
    with open_deps() as deps:
        table = deps.tables.latest(job, "raw_inputs", batch)
        assert table is not None
        return table


def click(here: Platform, batch: str, *groups: str) -> dg.ExecuteInProcessResult:
    """Materialize all assets of these jobs over one batch, as the button in the UI does."""
    here.instance.add_dynamic_partitions("mail", [batch])
    whole = build_defs(here.registry).resolve_implicit_global_asset_job_def()
    graph = build_defs(here.registry).get_repository_def().asset_graph
    keys = {key for key in graph.materializable_asset_keys if key.path[0] in groups}
    checks = graph.get_check_keys_for_assets(keys)
    return whole.get_subset(
        asset_selection=keys, asset_check_selection=checks
    ).execute_in_process(
        instance=here.instance,
        partition_key=batch,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
    )


def test_two_jobs_of_a_chain_run_in_one_run_over_the_same_batch(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file(), follower())
    write_documents(here.home, "mail", {**letters(5), **refused(1)})

    run = click(here, "monday", "mail", "routes")

    assert run.success, failure(run)
    first, second = released("mail", "monday"), released("routes", "monday")
    assert len(first) == len(second) == 5
    assert {row["item_id"] for row in second} == {row["item_id"] for row in first}
    with open_deps() as deps:
        counts = deps.store.figures("routes", "monday").conservation
    assert (counts.items, counts.valid, counts.pending) == (5, 5, 0)
    # Each row names the row of the job before that it was made of.
    read = manifest("routes", "monday").to_pandas(["item_id", "source", "attributes"])
    made_of = {row["item_id"]: row["output_id"] for row in first}
    assert dict(zip(read["item_id"], read["source"], strict=True)) == made_of
    assert json.loads(read["attributes"][0])["output_id"] == read["source"][0]


def test_the_graph_shows_that_the_second_job_builds_on_the_results_of_the_first(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file(), follower())
    graph = build_defs(here.registry).get_repository_def().asset_graph

    node = graph.get(dg.AssetKey(["routes", "raw_inputs"]))

    assert node.parent_keys == {dg.AssetKey(["mail", "results"])}
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="mail")


def test_a_batch_whose_upstream_has_released_nothing_says_what_to_run(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file(), follower())
    write_documents(here.home, "mail", letters(1))

    run = click(here, "monday", "routes")

    assert "batch-ai run mail --batch monday" in failure(run)
    with open_deps() as deps:
        assert deps.store.batches.state("routes", "monday") == "planned"


READER = job_file(input={"asset": "lake/mails", "attributes": ["desk"]})


def mails(**how: Any) -> dg.AssetsDefinition:
    """An asset of somebody else's, three mails."""

    @dg.asset(key=["lake", "mails"], **how)
    def body() -> pd.DataFrame:
        return pd.DataFrame(
            [{"id": f"m{n}", "text": f"[[id:m{n}]] Hello.", "desk": "cards"} for n in range(3)]
        )

    return body


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"io_manager_key": "tables"},
        {"partitions_def": dg.DynamicPartitionsDefinition(name="mail")},
    ],
    ids=["whole", "as our tables", "by batch"],
)
def test_any_dagster_asset_can_be_the_source_of_a_job(
    platform: Callable[..., Platform], how: dict[str, Any]
) -> None:
    here = platform(READER)
    both = dg.Definitions.merge(build_defs(here.registry), dg.Definitions(assets=[mails(**how)]))
    here.instance.add_dynamic_partitions("mail", ["monday"])
    key = "monday" if "partitions_def" in how else None
    whole = both.resolve_implicit_global_asset_job_def()
    upstream = whole.get_subset(asset_selection={dg.AssetKey(["lake", "mails"])})
    assert upstream.execute_in_process(instance=here.instance, partition_key=key).success
    reading = whole.get_subset(asset_selection={dg.AssetKey(["mail", "raw_inputs"])})

    run = reading.execute_in_process(
        instance=here.instance, partition_key="monday", raise_on_error=False
    )

    assert run.success, failure(run)
    rows = manifest("mail", "monday").to_pandas(["item_id", "source", "attributes"])
    assert list(rows["item_id"]) == ["m0", "m1", "m2"]
    assert list(rows["source"]) == [f"lake/mails#row={n}" for n in (1, 2, 3)]
    assert json.loads(rows["attributes"][0]) == {"desk": "cards"}


def test_an_asset_that_nobody_makes_stops_its_reader_and_no_other_job(
    platform: Callable[..., Platform],
) -> None:
    here = platform(READER, job_file("other"))

    run = here.run("mail", "monday")

    assert "The value of asset lake/mails, which mail reads, cannot be loaded" in failure(run)
    write_documents(here.home, "other", letters(1))
    assert here.run("other", "monday").success
