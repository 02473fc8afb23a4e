"""A headless Chromium for the drills, and the pictures that it takes.

The pictures are kept in `screenshots/`, for a person to look at; `scripts/pictures` puts some of
them into the documentation.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .dagster_ui import REPOSITORY

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


def keep(page: Page, name: str) -> Path:
    """A picture of the page as it is now, with its icons, which come last."""
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(2_000)
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 20_000, f"{path} shows next to nothing"
    return path
