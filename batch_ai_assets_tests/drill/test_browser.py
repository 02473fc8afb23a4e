"""What people see: the asset graph, a check and the completion report, in a real browser.

The pictures are kept in `screenshots/`, for a person to look at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from batch_ai_assets.assets.catalogue import CATALOGUE

from .dagster_ui import REPOSITORY, Ui

PICTURES = REPOSITORY / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """The browser's program; the drill fails without one."""
    named = os.environ.get("BATCH_AI_TEST_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = named or next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("there is no Chromium here; run scripts/install-drill-parts to get one")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1900, "height": 1100})
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def batch(ui: Ui) -> str:
    """A finished batch of `shown`."""
    ui.add_batch("shown", "monday")
    run = ui.finished(ui.launch("shown", "monday"))
    assert run["status"] == "SUCCESS", run
    return "monday"


def keep(page: Page, name: str) -> Path:
    """A picture of the page as it is now, with its icons, which come last."""
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(2_000)
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    return path


def test_the_asset_graph_shows_the_eight_assets_of_a_job(ui: Ui, page: Page, batch: str) -> None:
    page.goto(f"{ui.base}/locations/batch_ai_assets.definitions/asset-groups/shown/lineage")

    for name in CATALOGUE:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    assert keep(page, "asset-graph").stat().st_size > 20_000


def test_a_check_shows_its_meaning_what_it_found_and_the_bar(
    ui: Ui, page: Page, batch: str
) -> None:
    page.goto(
        f"{ui.base}/assets/shown/validation_report?view=checks&checkDetail=completeness"
    )

    expect(page.get_by_text("completeness").first).to_be_visible()
    expect(page.get_by_text("exactly one end").first).to_be_visible()
    assert keep(page, "check").stat().st_size > 20_000


def test_the_completion_report_can_be_read_in_the_ui(ui: Ui, page: Page, batch: str) -> None:
    page.goto(f"{ui.base}/assets/shown/completion_report?view=partitions&partition={batch}")

    expect(page.get_by_text("conservation").first).to_be_visible()
    assert keep(page, "completion-report").stat().st_size > 20_000


def test_the_html_report_opens_in_a_browser(ui: Ui, page: Page, batch: str) -> None:
    metadata = ui.materialization("shown", "completion_report", batch)["metadata"]

    page.goto(f"file://{metadata['html_report']}")

    expect(page.get_by_text("52 items").first).to_be_visible()
    assert keep(page, "html-report").stat().st_size > 20_000
