"""What is known of a systematic failure, as people read it. Pure words; layout is each view's."""

from __future__ import annotations

from collections.abc import Iterator

from .completion import CompletionRecord, Investigation, MixShare
from .wording import counted, percent, whole

_CHANGES_SHOWN = 20


def messages(found: Investigation) -> list[tuple[str, str, str]]:
    """How many documents, what was said of them, and the first of them."""
    return [(whole(one.count), one.message, ", ".join(one.items)) for one in found.common]


def compared_with(found: Investigation) -> str:
    """The batch that the rest is compared with."""
    if found.good_batch is None:
        return "No batch of this job was ever completed, so there is nothing to compare with."
    name = f"{found.good_batch} v{found.good_version}"
    if not found.changes and not found.mix:
        return (
            f"Nothing of the job has changed since {name}, the last good batch, and the documents "
            "are alike: look at the provider, and at the model behind the name."
        )
    return f"Changed since {name}, the last good batch:"


def changes(found: Investigation) -> list[tuple[str, str]]:
    """What is not as it was, and how."""
    said = [(one.path, one.words) for one in found.changes[:_CHANGES_SHOWN]]
    if more := len(found.changes) - _CHANGES_SHOWN:
        said += [("more", counted(more, "change"))] if more > 0 else []
    return said + [(f"{one.of}: {one.name}", _moved(one)) for one in found.mix]


def _moved(one: MixShare) -> str:
    return f"{percent(one.share_before)} → {percent(one.share)} of the documents"


def investigation_lines(record: CompletionRecord) -> Iterator[str]:
    """For a terminal."""
    found = record.investigation
    if found is None:
        return
    for count, message, items in messages(found):
        yield f"failed    {count} × {message}" + (f" (first: {items})" if items else "")
    yield f"compared  {compared_with(found)}"
    for what, how in changes(found):
        yield f"changed   {what}: {how}"
