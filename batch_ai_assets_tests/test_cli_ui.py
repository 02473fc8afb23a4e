from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from batch_ai_assets.commands.running_ui import PortTakenError, claim
from batch_ai_assets.settings import settings
from batch_ai_assets.ui_links import LOCK_FILE, report_page

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters

Make = Callable[..., Platform]


@contextmanager
def ui_of(dagster_home: Path | str) -> Iterator[int]:
    """Something that answers GraphQL as the UI of this home does; its port."""
    info = f"local_artifact_storage:\n  config:\n    base_dir: {dagster_home}\n"

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps({"data": {"version": "1.13", "instance": {"info": info}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_ui_of_this_home_is_not_started_twice(home: Path) -> None:
    with ui_of(settings().dagster_home) as port:
        result = batch_ai("ui", "--port", str(port))

    assert result.exit_code == 0
    assert f"Open http://127.0.0.1:{port}/\n" in result.stdout
    assert "no second one was started" in result.stdout


def test_another_port_does_not_start_a_second_ui_on_the_same_home(home: Path) -> None:
    held = free_port()
    code = (
        "import sys; from pathlib import Path;"
        "from batch_ai_assets.commands.running_ui import claim;"
        f"assert claim(Path({str(settings().dagster_home)!r}), {held}) is None;"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

        result = batch_ai("ui", "--port", str(free_port()))

        other.communicate("", timeout=30)
    assert result.exit_code == 0
    assert f"Open http://127.0.0.1:{held}/\n" in result.stdout
    assert "no second one was started" in result.stdout


def test_the_place_is_free_again_once_the_ui_is_gone(home: Path) -> None:
    code = (
        "from pathlib import Path;"
        "from batch_ai_assets.commands.running_ui import claim;"
        f"assert claim(Path({str(settings().dagster_home)!r}), {free_port()}) is None"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_place_is_kept_through_an_exec(home: Path) -> None:
    """`batch-ai ui` becomes Dagster: what it holds must not end with the change."""
    code = (
        "import os, sys; from pathlib import Path;"
        "from batch_ai_assets.commands.running_ui import claim;"
        f"assert claim(Path({str(settings().dagster_home)!r}), {free_port()}) is None;"
        "os.execv('/bin/sh', ['sh', '-c', 'echo held; read line'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert claim(settings().dagster_home, free_port()) is not None
        other.communicate("\n", timeout=30)


def test_the_ui_of_another_home_is_named(home: Path, tmp_path: Path) -> None:
    with ui_of(tmp_path / "elsewhere") as port:
        result = batch_ai("ui", "--port", str(port))

    assert result.exit_code == 1
    assert "The Dagster UI of another home listens" in result.output
    assert f"--port {port + 1}" in result.output


def test_another_program_on_the_port_is_named(home: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Another program listens on 127.0.0.1:{port}"):
            claim(settings().dagster_home, port)


def test_a_job_or_a_batch_that_there_is_not_is_answered_with_those_there_are(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    never = batch_ai("ui", "mail", "monday")
    batch_ai("run", "mail", "--batch", "monday")

    job, batch = batch_ai("ui", "male"), batch_ai("ui", "mail", "tuesday")

    assert [never.exit_code, job.exit_code, batch.exit_code] == [1, 1, 1]
    assert "Make one with: batch-ai run mail" in never.output
    assert "Did you mean 'mail'?" in job.output
    assert "There is no batch mail/tuesday. There are: monday." in batch.output


def test_the_page_of_a_batch_is_printed(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    with ui_of(settings().dagster_home) as port:
        result = batch_ai("ui", "mail", "monday", "--port", str(port))

    page = "/assets/mail/completion_report?view=partitions&partition=monday"
    assert f"Open http://127.0.0.1:{port}{page}\n" in result.stdout


def test_the_program_that_it_becomes_is_dagster_dev() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "batch_ai_assets.commands.dagster_dev", "dev", "--help"],
        capture_output=True, text=True, env={**os.environ}, timeout=120, check=True,
    )  # fmt: skip

    assert "Start a local deployment of Dagster" in done.stdout
    assert "superseded" not in done.stderr


def test_links_lead_to_the_ui_that_was_last_started_here_unless_a_setting_names_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = "/assets/mail/completion_report?view=partitions&partition=monday"
    assert report_page("mail", "monday") == f"http://127.0.0.1:3000{there}"
    (settings().dagster_home / LOCK_FILE).write_text('{"port": 3317}')
    assert report_page("mail", "monday") == f"http://127.0.0.1:3317{there}"
    monkeypatch.setenv("BATCH_AI_UI_URL", "https://dagster.example.com")
    settings.cache_clear()
    assert report_page("mail", "monday") == f"https://dagster.example.com{there}"
