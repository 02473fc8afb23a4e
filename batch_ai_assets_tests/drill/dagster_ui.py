"""A running `dagster dev` on a home of its own, and what a person does in its UI, over GraphQL."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
LOCATION = {
    "repositoryLocationName": "batch_ai_assets.definitions",
    "repositoryName": "__repository__",
}
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ui:
    """One `dagster dev`: webserver, daemon and code server."""

    base: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """One GraphQL call; fails on errors in the answer."""
        request = urllib.request.Request(
            f"{self.base}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = json.load(answer)
        assert "errors" not in content, content["errors"]
        return content["data"]

    def add_batch(self, job: str, batch: str) -> None:
        """What the UI's "add a partition" does."""
        answer = self.ask(
            """mutation($key: String!, $name: String!, $where: RepositorySelector!) {
              addDynamicPartition(
                partitionKey: $key, partitionsDefName: $name, repositorySelector: $where
              ) { __typename }
            }""",
            key=batch, name=job, where=LOCATION,
        )  # fmt: skip
        assert answer["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess", answer

    def launch(self, job: str, batch: str, **tags: str) -> str:
        """What "Launch run" does for one partition of a job; the run's id."""
        answer = self.ask(
            """mutation($params: ExecutionParams!) {
              launchRun(executionParams: $params) {
                __typename
                ... on LaunchRunSuccess { run { runId } }
                ... on PythonError { message }
              }
            }""",
            params={
                "selector": {**LOCATION, "jobName": job},
                "runConfigData": {},
                "executionMetadata": {
                    "tags": [
                        {"key": key, "value": value}
                        for key, value in {"dagster/partition": batch, **tags}.items()
                    ]
                },
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Status and tags of a run."""
        found = self.ask(
            """query($id: ID!) { runOrError(runId: $id) { ... on Run {
              runId status rootRunId parentRunId tags { key value } } } }""",
            id=run_id,
        )["runOrError"]
        return {**found, "tags": {tag["key"]: tag["value"] for tag in found["tags"]}}

    def runs(self, job: str) -> list[dict[str, Any]]:
        """All runs of a job, newest first."""
        found: list[dict[str, Any]] = self.ask(
            """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs {
              results { runId status parentRunId rootRunId } } } }""",
            filter={"pipelineName": job},
        )["runsOrError"]["results"]
        return found

    def finished(self, run_id: str, seconds: float = 180) -> dict[str, Any]:
        """The run, once it has ended."""
        return until(
            lambda: run if (run := self.run(run_id))["status"] in FINISHED else None,
            f"run {run_id} to end",
            seconds,
        )

    def worker(self, run_id: str, seconds: float = 90) -> int:
        """The process that works on the run, once there is one."""

        def look() -> int | None:
            events = self.ask(
                """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection {
                  events { ... on MessageEvent { message } } } } }""",
                id=run_id,
            )["logsForRun"]["events"]
            texts = (str(event.get("message")) for event in events)
            found = (re.search(r"Started process for run \(pid: (\d+)\)", text) for text in texts)
            return next((int(match[1]) for match in found if match), None)

        return until(look, f"the worker of run {run_id}", seconds)

    def terminate(self, run_id: str) -> None:
        """What "Terminate" does, without force."""
        answer = self.ask(
            """mutation($id: String!) { terminateRun(runId: $id) { __typename
              ... on TerminateRunFailure { message } } }""",
            id=run_id,
        )["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def materialization(self, job: str, asset: str, batch: str) -> dict[str, Any]:
        """Newest materialization of an asset's batch: its run, and its metadata by label."""
        events = self.ask(
            """query($key: AssetKeyInput!, $batch: [String!]) {
              assetOrError(assetKey: $key) { ... on Asset {
                assetMaterializations(partitions: $batch, limit: 1) { runId metadataEntries {
                  label
                  ... on IntMetadataEntry { intValue }
                  ... on FloatMetadataEntry { floatValue }
                  ... on TextMetadataEntry { text }
                  ... on PathMetadataEntry { path }
                  ... on BoolMetadataEntry { boolValue }
                } } } } }""",
            key={"path": [job, asset]}, batch=[batch],
        )["assetOrError"]["assetMaterializations"]  # fmt: skip
        assert events, f"{job}/{asset} of {batch} was never materialized"
        entries = events[0]["metadataEntries"]
        return {
            "run_id": events[0]["runId"],
            "metadata": {entry.pop("label"): _value(entry) for entry in entries},
        }

    def checks(self, job: str, batch: str) -> dict[str, dict[str, Any]]:
        """Newest evaluation of every check on `validation_report`, by name, for one batch."""
        key = f"{job}/validation_report"
        names = self.ask(
            """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
              assetChecksOrError { ... on AssetChecks { checks { name blocking description } } }
            } } }""",
            key={"path": key.split("/")},
        )["assetNodeOrError"]["assetChecksOrError"]["checks"]
        found = {check["name"]: self.check(key, check["name"], batch) for check in names}
        about = {check["name"]: check for check in names}
        return {name: {**about[name], **seen} for name, seen in found.items() if seen is not None}

    def check(self, key: str, name: str, batch: str | None = None) -> dict[str, Any] | None:
        """Newest evaluation of one check, of this batch where one is named."""
        executions = self.ask(
            """query($key: AssetKeyInput!, $name: String!) {
              assetCheckExecutions(assetKey: $key, checkName: $name, limit: 25) {
                status evaluation { severity partition description metadataEntries { label
                  ... on FloatMetadataEntry { floatValue }
                  ... on TextMetadataEntry { text } } } } }""",
            key={"path": key.split("/")}, name=name,
        )["assetCheckExecutions"]  # fmt: skip
        for execution in executions:
            seen = execution["evaluation"]
            if seen is not None and seen["partition"] == batch:
                metadata = {entry.pop("label"): _value(entry) for entry in seen["metadataEntries"]}
                return {
                    "status": execution["status"], "metadata": metadata,
                    "said": seen["description"],
                }  # fmt: skip
        return None


def _value(entry: dict[str, Any]) -> Any:
    return next((value for value in entry.values() if value is not None), None)


def until(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """The first answer that is not None: what another process does is seen only by looking."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


@contextmanager
def dagster_dev(home: Path, registry: Path, **more: str) -> Iterator[Ui]:
    """`batch-ai ui` with this home and these jobs on a free port; all of it is gone afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "BATCH_AI_HOME": str(home),
        "BATCH_AI_REGISTRY": str(registry),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        **more,
    }
    port = _free_port()
    log = home / "dagster-dev.log"
    command = [
        sys.executable, "-m", "batch_ai_assets.cli", "ui", "--port", str(port),
    ]  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    ui = Ui(f"http://127.0.0.1:{port}", home, process, log)
    try:
        until(lambda: _ready(ui), "dagster dev", 120)
        yield ui
    finally:
        _end(process)


def _ready(ui: Ui) -> bool | None:
    assert ui.process.poll() is None, ui.log.read_text()[-3000:]
    try:
        loaded = ui.ask(
            """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
              __typename ... on PythonError { message } } } } } }"""
        )["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    states = [entry["locationOrLoadError"] for entry in loaded]
    for state in states:
        assert state is None or state["__typename"] != "PythonError", state["message"]
    return True if states and all(states) else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole process group, then insist."""
    for number, patience in ((signal.SIGINT, 30.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            break
        os.killpg(process.pid, number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
