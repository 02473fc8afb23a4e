"""What every test stands on: a home of its own, real documents where they are, no way out.

Fixtures of one room live in that room's conftest.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from batch_ai_assets.settings import Settings, settings

if TYPE_CHECKING:
    from batch_ai_assets.local_provider.process import LocalProvider

    from .running import Platform

REPOSITORY = Path(__file__).resolve().parents[1]

# Enough for every day; BATCH_AI_TEST_EXAMPLES=1000 looks for longer.
hypothesis.settings.register_profile(
    "house", deadline=None, max_examples=int(os.environ.get("BATCH_AI_TEST_EXAMPLES", "40"))
)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the developer's own home, `.env` and Dagster instance out of reach of the tests."""
    for name in [n for n in os.environ if n.startswith(("BATCH_AI_", "DAGSTER_"))]:
        if not name.startswith("BATCH_AI_TEST_"):
            del os.environ[name]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    os.environ["BATCH_AI_DBT"] = "false"  # three seconds a run; its own tests switch it on
    scratch = tempfile.TemporaryDirectory(prefix="batch-ai-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(scratch.cleanup)
    os.environ["BATCH_AI_HOME"] = str(Path(scratch.name) / "home")
    Settings.model_config["env_file"] = None
    settings.cache_clear()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A prepared home that belongs to this test; `settings()` points to it."""
    monkeypatch.setenv("BATCH_AI_HOME", str(tmp_path / "home"))
    # A command that shares its instance with Dagster sets this: the test's end takes it back.
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    settings.cache_clear()
    settings().prepare_home()
    yield settings().home
    settings.cache_clear()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of labelled third-party documents; the test is skipped where it is not there."""
    named = os.environ.get("BATCH_AI_TEST_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real documents in {folder}; name their folder in BATCH_AI_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def stub_model() -> Iterator[LocalProvider]:
    """A stub model that answers at once, one for all tests of a worker; see `platform`."""
    from batch_ai_assets.local_provider.options import ServerOptions
    from batch_ai_assets.local_provider.process import LocalProvider

    with LocalProvider(ServerOptions(model="stub")) as server:
        yield server


@pytest.fixture
def dagster_on_disk() -> bool:
    """Whether `platform` keeps Dagster's books on disk: schedules and sensors need that. In memory
    a run takes half of the CPU."""
    return False


@pytest.fixture
def platform(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stub_model: LocalProvider,
    dagster_on_disk: bool,
) -> Iterator[Callable[..., Platform]]:
    """Make a platform with these jobs: a home, a registry, a model, a Dagster instance."""
    import dagster as dg

    from .jobs import write_registry
    from .running import Platform

    folder = tmp_path / "registry"
    monkeypatch.setenv("BATCH_AI_REGISTRY", str(folder))
    settings.cache_clear()
    stub_model.reset_stats()

    place = str(tmp_path)
    on_disk, in_memory = dg.instance_for_test, dg.DagsterInstance.ephemeral
    with on_disk(temp_dir=place) if dagster_on_disk else in_memory(place) as instance:

        def make(*jobs: dict[str, Any]) -> Platform:
            write_registry(folder, *jobs, base_url=stub_model.base_url)
            return Platform(home, folder, stub_model, instance)

        yield make
    settings.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def _one_language_model() -> Iterator[None]:
    """Hundreds of batches run in one process here; each opening the model is minutes of CPU."""
    from batch_ai_assets.engine.validation import languages

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "open_model", functools.cache(languages.open_model))
        yield


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """A test that would leave this machine fails, and says where it wanted to go."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise AssertionError(f"tests stay on this machine, but this one calls {address[0]}")
        return connect(self, address)

    return guarded


def _is_local(host: str) -> bool:
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
