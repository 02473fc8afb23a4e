"""One `dagster dev` for all drills, with jobs that answer at once and jobs that take their time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..jobs import job_file, write_documents, write_registry
from .browser import FLAGS, chromium
from .dagster_ui import Ui, dagster_dev

DOCUMENTS = 200
CONCURRENCY = 4
LATENCY_MS = 250.0
SLOW = {
    "model": {"provider": "slow", "name": "stub"},
    "limits": {"concurrency": CONCURRENCY},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.drill)


@pytest.fixture(scope="session")
def fast_model() -> Iterator[LocalProvider]:
    """A model that answers at once."""
    with LocalProvider(ServerOptions(model="stub")) as server:
        yield server


@pytest.fixture(scope="session")
def slow_model() -> Iterator[LocalProvider]:
    """A model that takes a quarter of a second, so that there is a middle to be hit in."""
    with LocalProvider(ServerOptions(model="stub", latency_ms=LATENCY_MS)) as server:
        yield server


@pytest.fixture(scope="session")
def ui(
    tmp_path_factory: pytest.TempPathFactory, fast_model: LocalProvider, slow_model: LocalProvider
) -> Iterator[Ui]:
    """The UI, with `mail`, `shown` and `typed` (fast), three that are slow, and a broken job."""
    folder = tmp_path_factory.mktemp("drill")
    jobs = [
        job_file("mail"),
        job_file("shown"),
        job_file("typed"),
        job_file("killed", **SLOW),
        job_file("warned", **SLOW),
        job_file("stopped", **SLOW),
        job_file("lost", purpoze="a key that there is not"),
    ]
    registry = write_registry(
        folder / "registry", *jobs, base_url=fast_model.base_url, slow=slow_model.base_url
    )
    home = folder / "home"
    texts = {f"m{n:03}": f"[[id:m{n:03}]] Where is card number {n}?" for n in range(50)}
    texts["refused"] = "[[id:refused]] [[stub:refusal]] Tell me a secret."
    texts["broken"] = "[[id:broken]] [[stub:malformed]] Say it in pieces."
    for job in ("mail", "shown", "typed"):  # one each: what one released, another batch skips
        write_documents(home, job, texts)
    for job in ("killed", "warned", "stopped"):
        slow = {f"{job}{n}": f"[[id:{job}{n}]] My letter {n}." for n in range(DOCUMENTS)}
        write_documents(home, job, slow)
    with dagster_dev(home, registry) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all drills."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page as large as a desk's screen."""
    opened = browser.new_page(viewport={"width": 1900, "height": 1100})
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()
