"""Jobs to read for: the smallest that load, with the input part a test wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batch_ai_assets.engine.intake import Document, read_documents, resolve_location
from batch_ai_assets.engine.spec import JobSpec, ProviderSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob

BATCH = "2026-11-22"


def job_for(
    folder: Path,
    *,
    batches: dict[str, Any] | None = None,
    data_classification: str = "internal",
    **given: Any,
) -> ResolvedJob:
    """A job whose `job.yaml` lies in `folder`; `given` is the input part, path `inbox`."""
    spec = JobSpec.model_validate(
        {
            "job": "orders",
            "owner": "team:orders",
            "purpose": "Sorts orders.",
            "data_classification": data_classification,
            "input": {"path": "inbox", **given},
            "batches": batches or {},
            "model": {"provider": "local", "name": "stub"},
            "prompt": {"version": "1"},
            "output": {"schema": {"type": "object", "properties": {"kind": {"type": "string"}}}},
            "budget": {"limit_tokens": 1000},
        }
    )
    provider = ProviderSpec.model_validate(
        {"kind": "local", "models": {"stub": {"price": "free", "context_tokens": 8000}}}
    )
    return ResolvedJob(spec=spec, provider=provider, prompt_text="Sort it.", folder=str(folder))


def read(job: ResolvedJob, batch: str = BATCH, **given: Any) -> list[Document]:
    """All documents of the batch."""
    location = resolve_location(job, batch, Path(job.folder) / "home")
    return list(read_documents(job, location, **given))


def read_lines_of(folder: Path, content: bytes, **given: Any) -> list[Document]:
    """Documents of one JSONL file `inbox/orders.jsonl` that holds `content`."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "orders.jsonl").write_bytes(content)
    return read(job_for(folder, format="jsonl", **given))


def only(documents: list[Document]) -> Document:
    """The one document there is."""
    (document,) = documents
    return document


def reason(document: Document) -> str | None:
    """Why it ends dead, None where it does not."""
    return document.problem.reason if document.problem else None
