"""The files of a completion report: where they lie, and what Dagster shows of them.

    <root>/<job>/completion_report/<batch>/<run_id>/report.{json,md,html}
    <root>/<job>/completion_report/<batch>/_latest.json

What is in a report is decided in `engine/reporting`; it is only put down and found again here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.engine.tables import at, get_json, new_folder, put_json
from batch_ai_assets.object_storage import reachable
from batch_ai_assets.ui_links import links_of

if TYPE_CHECKING:
    from upath import UPath

    from batch_ai_assets.engine.reporting.completion import CompletionRecord

ASSET = "completion_report"


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """One report that was written: its folder, with `report.json`, `.md` and `.html` in it."""

    folder: UPath

    @property
    def html(self) -> str:
        return str(self.folder / "report.html")

    def record(self) -> CompletionRecord:
        from batch_ai_assets.engine.reporting.completion import CompletionRecord

        return CompletionRecord.from_json((self.folder / "report.json").read_bytes())

    def holds(self, record: CompletionRecord) -> bool:
        """True where all of it is there and it is this record."""
        files = [self.folder / f"report.{form}" for form in ("json", "md", "html")]
        return all(file.exists() for file in files) and files[0].read_bytes() == record.to_json()

    def metadata(self) -> dict[str, Any]:
        """The report to read in the Dagster UI, and where its files are."""
        return {
            "report": dg.MetadataValue.md((self.folder / "report.md").read_text("utf-8")),
            "html_report": dg.MetadataValue.path(self.html),
            "location": dg.MetadataValue.path(str(self.folder)),
        }


def publish_report(root: str, record: CompletionRecord, run_id: str) -> PublishedReport:
    """Write the record in its three forms into a new folder and point `_latest.json` at it.

    A run that found its batch finished brings the record that is published already: nothing is
    written then. Raises StorageError.
    """
    there = latest_report(root, record.job, record.batch)
    if there is not None and there.holds(record):
        return there
    from batch_ai_assets.engine.reporting.html import render_html
    from batch_ai_assets.engine.reporting.markdown import render_markdown

    links = links_of(record)
    folder = put_report(
        _home(root, record.job, record.batch),
        run_id,
        record.to_json(),
        render_markdown(record, links),
        render_html(record, links),
    )
    return PublishedReport(folder)


def put_report(home: UPath, run_id: str, data: bytes, markdown: str, html: str) -> UPath:
    """Put a report down in its three forms, in a new folder of `home`, and point `_latest.json`
    at it; the folder. Raises StorageError."""
    try:
        folder = new_folder(home, run_id)
        (folder / "report.json").write_bytes(data)
        (folder / "report.md").write_text(markdown, encoding="utf-8")
        (folder / "report.html").write_text(html, encoding="utf-8")
        put_json(home / "_latest.json", {"path": str(folder)})
    except OSError as error:
        raise StorageError(
            f"The report cannot be written to {home}: {error.strerror or error}. Make room or "
            "restore access, then run it again; what it tells of is kept in the state store."
        ) from error
    return folder


def latest_report(root: str, job: str, batch: str) -> PublishedReport | None:
    """The newest report of a batch, or None."""
    pointer = _home(root, job, batch) / "_latest.json"
    if not pointer.exists():
        return None
    try:
        return PublishedReport(at(get_json(pointer)["path"]))
    except (ValueError, KeyError, TypeError):
        return None  # damaged; the record itself is in the state store, the next run points anew


def _home(root: str, job: str, batch: str) -> UPath:
    return at(reachable(root)) / job / ASSET / batch
