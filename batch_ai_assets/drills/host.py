"""Host: UI, daemon and code server on a drill's home, as `batch-ai ui` runs them.

All of them, and the runs that they start, are one group of processes: killed together, they are a
machine that lost its power.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from .children import Child, DrillError, until
from .stage import BATCH, JOB, Stage

_LOCATION = {
    "repositoryLocationName": "batch_ai_assets.definitions",
    "repositoryName": "__repository__",
}
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Host:
    """One that has been started."""

    child: Child
    base: str

    def ask(self, query: str, **variables: Any) -> Any:
        """One GraphQL call. Raises DrillError where it is refused."""
        request = urllib.request.Request(  # noqa: S310 - our own child
            f"{self.base}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with _LOCAL.open(request, timeout=60) as answer:
            content = json.load(answer)
        if "errors" in content:
            raise DrillError(f"The UI refused a call: {content['errors']}")
        return content["data"]

    def launch(self) -> str:
        """What "Launch run" does for the drill's batch; the run's id."""
        self.ask(
            """mutation($key: String!, $name: String!, $where: RepositorySelector!) {
              addDynamicPartition(
                partitionKey: $key, partitionsDefName: $name, repositorySelector: $where
              ) { __typename } }""",
            key=BATCH, name=JOB, where=_LOCATION,
        )  # fmt: skip
        launched = self.ask(
            """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
              __typename ... on LaunchRunSuccess { run { runId } }
              ... on PythonError { message } } }""",
            params={
                "selector": {**_LOCATION, "jobName": JOB},
                "runConfigData": {},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": BATCH}]},
            },
        )["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise DrillError(f"The run was not launched: {launched}")
        return str(launched["run"]["runId"])

    def worker(self, run_id: str) -> int:
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

        return until(look, f"the process of run {run_id}", 90)


def start_host(here: Stage) -> Host:
    """Once its code is loaded and its daemon runs. Raises DrillError."""
    port = _free_port()
    host = Host(here.start("ui", "--port", str(port)), f"http://127.0.0.1:{port}")
    until(lambda: _ready(host), "the UI and its daemon", _START_SECONDS, 0.3)
    return host


def _ready(host: Host) -> bool | None:
    if host.child.code is not None:
        raise host.child.failed("it was to serve the UI")
    try:
        loaded = host.ask(
            """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
              __typename } } } }
              instance { daemonHealth { daemonStatus(daemonType: "SENSOR") { healthy } } } }"""
        )
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    entries = loaded["workspaceOrError"]["locationEntries"]
    states = [entry["locationOrLoadError"] for entry in entries]
    if any(state and state["__typename"] == "PythonError" for state in states):
        raise host.child.failed("its code did not load")
    return True if states and all(states) else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
