"""Addresses of pages in the Dagster UI: for metadata, and for reports that lie outside of it.

Which UI runs on a home is `commands/running_ui.py`'s; here its address is only said.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.reporting.links import Link

HOST = "127.0.0.1"
PORT = 3000
"""Where the UI is started unless somebody asks for another port."""
LOCK_FILE = "ui.lock"
"""In the Dagster home; whoever starts a UI notes its port there."""


def ui_address() -> str:
    """Where people reach the UI: what the settings say, else where it was last started."""
    from batch_ai_assets.settings import settings

    said = settings().ui_url
    if said is not None:
        return said
    try:
        noted = noted_port((settings().dagster_home / LOCK_FILE).read_bytes())
    except OSError:
        noted = None
    return f"http://{HOST}:{noted or PORT}"


def noted_port(note: bytes) -> int | None:
    """The port in the lock file; None while it is empty or being written."""
    try:
        return int(json.loads(note)["port"])
    except (ValueError, KeyError, TypeError):
        return None


def asset_path(job: str, asset: str, batch: str | None = None) -> str:
    """The page of an asset, of one batch where it is named, below the address of the UI."""
    page = f"/assets/{job}/{asset}"
    return page if batch is None else f"{page}?view=partitions&partition={batch}"


def report_page(job: str, batch: str) -> str:
    """The batch's completion report in the UI."""
    return ui_address() + asset_path(job, "completion_report", batch)


def links_of(record: CompletionRecord) -> tuple[Link, ...]:
    """From a report to the run that made it, and to what it tells of."""
    from batch_ai_assets.engine.reporting.links import Link

    base = ui_address()
    assets = {
        "results": "results",
        "verdicts": "validation_report",
        "dead letters": "dead_letter_queue",
        "review": "review_queue",
    }
    return (
        Link("run", f"{base}/runs/{record.run_id}"),
        *(
            Link(label, base + asset_path(record.job, asset, record.batch))
            for label, asset in assets.items()
        ),
        Link("checks", f"{base}{asset_path(record.job, 'validation_report')}?view=checks"),
    )
