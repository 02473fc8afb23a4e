"""The documents of a batch, wherever they come from: files, a query, another asset.

Chooses the source and opens it. How each is read is in `engine/intake`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .deps import Deps
from .intake.document import Document
from .intake.location import resolve_location
from .intake.readers import read_documents
from .spec.resolved import ResolvedJob


def documents(
    job: ResolvedJob,
    batch: str,
    deps: Deps,
    upstream: object = None,  # noqa: ARG001
) -> Iterator[Document]:
    """Every document of `batch`, in a steady order.

    upstream: the value of the Dagster asset that `input.asset` names, where it is no job of ours.
    Raises IntakeError.
    """
    return read_documents(job, resolve_location(job, batch, deps.home))
