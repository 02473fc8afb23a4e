from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from batch_ai_assets.engine.errors import ProviderError
from batch_ai_assets.local_provider.command import local_provider
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

REPOSITORY = Path(__file__).resolve().parents[2]


def gone(pid: int, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_the_server_runs_within_the_with_statement_and_not_after() -> None:
    with LocalProvider(ServerOptions(model="stub")) as provider:
        pid = provider.pid
        assert provider.base_url.startswith("http://127.0.0.1:")
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    with pytest.raises(ProviderError, match="not running"):
        _ = provider.base_url


def test_the_server_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "import time\n"
        "from batch_ai_assets.local_provider.options import ServerOptions\n"
        "from batch_ai_assets.local_provider.process import LocalProvider\n"
        "with LocalProvider(ServerOptions(model='stub')) as provider:\n"
        "    print(provider.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        os.kill(parent.pid, signal.SIGKILL)
    assert gone(pid, within_seconds=10)


def test_a_server_that_cannot_start_says_why() -> None:
    with LocalProvider(ServerOptions(model="stub")) as running:
        port = int(running.base_url.removesuffix("/v1").rpartition(":")[2])
        second = LocalProvider(ServerOptions(model="stub", port=port))
        with pytest.raises(ProviderError, match=r"did not start.*choose another --port"):
            second.start()


def test_the_key_is_not_on_the_command_line() -> None:
    with LocalProvider(ServerOptions(model="stub", api_key="s3cret")) as provider:
        assert not any("s3cret" in word for word in psutil.Process(provider.pid).cmdline())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--host", "0.0.0.0", "127.0.0.1 only"),
        ("--faults", "explode=1", "explode"),
        ("--rpm", "0", "at least 1"),
        ("--model", "gpt-9", "minilm-classifier"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_one_line(
    option: str, value: str, said: str
) -> None:
    outcome = CliRunner().invoke(local_provider, [option, value])
    assert outcome.exit_code != 0
    assert said in outcome.output
    assert "Traceback" not in outcome.output


def test_the_server_starts_from_any_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalProvider(ServerOptions(model="stub")) as provider:
        assert provider.stats()["calls"] == 0


def test_run_as_a_module_it_prints_one_ready_line_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "batch_ai_assets.local_provider", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", "stub"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        assert ready["base_url"].startswith("http://127.0.0.1:")
        assert (ready["pid"], ready["models"]) == (server.pid, ["stub"])
        server.terminate()
        assert server.stdout.read() == ""
        assert server.wait(10) == 0
