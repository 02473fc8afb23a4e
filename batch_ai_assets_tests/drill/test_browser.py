"""What people see: the asset graph, a check and the completion report, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from batch_ai_assets.assets.catalogue import CATALOGUE

from .browser import keep
from .dagster_ui import Ui


@pytest.fixture(scope="module")
def batch(ui: Ui) -> str:
    """A finished batch of `shown`."""
    ui.add_batch("shown", "monday")
    run = ui.finished(ui.launch("shown", "monday"))
    assert run["status"] == "SUCCESS", run
    return "monday"


def test_the_asset_graph_shows_the_eight_assets_of_a_job(ui: Ui, page: Page, batch: str) -> None:
    page.goto(f"{ui.base}/locations/batch_ai_assets.definitions/asset-groups/shown/lineage")

    for name in CATALOGUE:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    keep(page, "asset-graph")


def test_a_check_shows_its_meaning_what_it_found_and_the_bar(
    ui: Ui, page: Page, batch: str
) -> None:
    page.goto(
        f"{ui.base}/assets/shown/validation_report?view=checks&checkDetail=completeness"
    )

    expect(page.get_by_text("completeness").first).to_be_visible()
    expect(page.get_by_text("exactly one end").first).to_be_visible()
    keep(page, "check")


def test_the_completion_report_can_be_read_in_the_ui(ui: Ui, page: Page, batch: str) -> None:
    page.goto(f"{ui.base}/assets/shown/completion_report?view=partitions&partition={batch}")

    expect(page.get_by_text("conservation").first).to_be_visible()
    keep(page, "completion-report")


def test_the_html_report_opens_in_a_browser(ui: Ui, page: Page, batch: str) -> None:
    metadata = ui.materialization("shown", "completion_report", batch)["metadata"]

    page.goto(f"file://{metadata['html_report']}")

    expect(page.get_by_text("52 items").first).to_be_visible()
    keep(page, "html-report")
