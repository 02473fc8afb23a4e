"""A chain of two jobs in the Dagster UI: in one run, and by itself after a release."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batch_ai_assets.assets.catalogue import CATALOGUE
from batch_ai_assets.local_provider.process import LocalProvider

from ..jobs import job_file, write_documents, write_registry
from .dagster_ui import LOCATION, Ui, dagster_dev, until

DOCUMENTS = 30


@pytest.fixture(scope="module")
def chain(
    tmp_path_factory: pytest.TempPathFactory, fast_model: LocalProvider
) -> Iterator[Ui]:
    """The UI of `mail`, and of `routes`, which reads the results of `mail`."""
    folder = tmp_path_factory.mktemp("chain")
    follower = job_file("routes", input={"asset": "mail", "text": "topic"})
    registry = write_registry(
        folder / "registry", job_file(), follower, base_url=fast_model.base_url
    )
    texts = {f"m{n:03}": f"[[id:m{n:03}]] Where is card {n}?" for n in range(DOCUMENTS)}
    texts["refused"] = "[[id:refused]] [[stub:refusal]] Tell me a secret."
    write_documents(folder / "home", "mail", texts)
    with dagster_dev(folder / "home", registry) as running:
        yield running


def materialize(ui: Ui, batch: str, *jobs: str) -> str:
    """What "Materialize selected" does for all assets of these jobs; the run's id."""
    answer = ui.ask(
        """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
          __typename
          ... on LaunchRunSuccess { run { runId } }
          ... on PythonError { message }
          ... on RunConfigValidationInvalid { errors { message } }
        } }""",
        params={
            "selector": {
                **LOCATION,
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": [job, name]} for job in jobs for name in CATALOGUE],
            },
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": batch}]},
        },
    )["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def start_sensor(ui: Ui, name: str) -> None:
    """What the switch beside a sensor does."""
    answer = ui.ask(
        """mutation($which: SensorSelector!) { startSensor(sensorSelector: $which) {
          __typename ... on PythonError { message } } }""",
        which={**LOCATION, "sensorName": name},
    )
    assert answer["startSensor"]["__typename"] == "Sensor", answer


def figures(ui: Ui, job: str, batch: str) -> tuple[int, int, int]:
    """Items, valid ones and dead ones of the report that the UI shows."""
    shown = ui.materialization(job, "completion_report", batch)["metadata"]
    return shown["items"], shown["valid"], shown["dead"]


def test_the_whole_chain_is_materialized_from_the_ui_in_one_run(chain: Ui) -> None:
    chain.add_batch("mail", "monday")

    run = chain.finished(materialize(chain, "monday", "mail", "routes"), seconds=300)

    assert run["status"] == "SUCCESS"
    assert figures(chain, "mail", "monday") == (DOCUMENTS + 1, DOCUMENTS, 1)
    assert figures(chain, "routes", "monday") == (DOCUMENTS, DOCUMENTS, 0)
    of_one_run = {
        chain.materialization(job, name, "monday")["run_id"]
        for job in ("mail", "routes")
        for name in CATALOGUE
    }
    assert of_one_run == {run["runId"]}


def test_the_second_job_runs_by_itself_when_the_first_has_released(chain: Ui) -> None:
    start_sensor(chain, "routes__chain")
    chain.add_batch("mail", "tuesday")

    first = chain.finished(
        chain.launch("mail", "tuesday", **{"batch_ai/mode": "reprocess"}), seconds=300
    )
    second = until(
        lambda: next(iter(chain.runs("routes")), None), "the sensor to ask for a run", 240
    )

    assert first["status"] == "SUCCESS"
    run = chain.finished(second["runId"], seconds=300)
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/partition"] == "tuesday"
    assert len(chain.runs("routes")) == 1  # monday was read in the run before
    items, valid, dead = figures(chain, "routes", "tuesday")
    assert (items, dead) == (DOCUMENTS, 0)
    assert valid in (0, DOCUMENTS)  # unchanged since monday: skipped
