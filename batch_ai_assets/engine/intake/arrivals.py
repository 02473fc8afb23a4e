"""What has arrived: the files below a job's input path, page by page, each with its fingerprint.

Only listing and measuring. What of it is new, and whose it is, is known to
`engine/state/arrivals.py`; when a batch is made of it is decided in `engine/control/trigger.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..spec.input import InputSpec
from ..state.arrivals import Arrival, Arrivals
from .access import FileAccess
from .files import SourceFile, every_file
from .left_alone import LeftAlone
from .location import InputLocation
from .retry import Retry

PAGE_FILES = 2_000
_REFUSED = "refused"
"""The fingerprint of what lies there and must not be read: it ends as a dead letter, once."""


@dataclass(slots=True)
class Page:
    """A part of the listing."""

    last: str = ""
    """The key of the last file that was looked at: the next page begins behind it."""
    files: list[SourceFile] = field(default_factory=list)
    """Those that may be read."""
    left: LeftAlone = field(default_factory=LeftAlone)
    """Those that are left alone: still being written, or in a folder that is not complete."""


def pages(
    location: InputLocation,
    access: FileAccess,
    retry: Retry,
    after: str = "",
    *,
    without: str | None = None,
    most_files: int = PAGE_FILES,
) -> Iterator[Page]:
    """All files behind `after`, in order of their names; none where nothing is left.

    without: a path that is no document, though it lies among them. Raises IntakeError.
    """
    page = Page()
    for number, file in enumerate(every_file(location, access, retry, after), 1):
        page.last = file.key
        if file.path != without:
            page.left.add(file)
            if file.left is None:
                page.files.append(file)
        if number % most_files == 0:
            yield page
            page = Page()
    if page.last:
        yield page


def new_arrivals(
    page: Page,
    job: str,
    spec: InputSpec,
    known: Arrivals,
    access: FileAccess,
    out_of_time: Callable[[], bool] = lambda: False,
) -> tuple[list[Arrival], str]:
    """Those files of the page that were never seen as they are now, with what they hold.

    Also the key of the last file that was looked at: measuring ends where the time does. A file
    that is gone again, or that nobody may look at, has not arrived yet.
    """
    seen = known.known(job, [file.key for file in page.files])
    new: list[Arrival] = []
    for file in page.files:
        mark = fingerprint(file)
        if mark is None or (file.key, mark) in seen:
            continue
        new.append(Arrival(file.key, mark, _items(file, spec, access), file.size))
        if out_of_time():
            return new, file.key
    return new, page.last


def fingerprint(file: SourceFile) -> str | None:
    """Another one whenever the file was written again; None where it is gone."""
    if file.problem is not None:
        return _REFUSED
    if file.changed is None and not file.size:
        return None
    return mark_of(file.size, file.changed or 0.0)


def mark_of(size: int, changed: float) -> str:
    """A fingerprint of a file's size and the time of its change, to the microsecond."""
    return f"{size:x}-{round(changed * 1e6):x}"


def _items(file: SourceFile, spec: InputSpec, access: FileAccess) -> int:
    """How many items the file holds; 1 where it cannot be told. Only thresholds go by it."""
    if spec.format == "text" or file.problem is not None:
        return 1
    from .rows_count import count_rows

    try:
        return count_rows(spec.format, file.path, access)
    except OSError:
        return 1
