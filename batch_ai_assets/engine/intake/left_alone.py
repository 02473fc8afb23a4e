"""LeftAlone: the files that no batch takes yet, why, and how that is said.

Which files they are is decided in `location.py`; here they are counted and put into words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..control.trigger import counted, duration
from ..spec.input import InputSpec
from ..spec.resolved import ResolvedJob
from .access import access_to
from .files import SourceFile, every_file
from .location import Left, resolve_location
from .retry import Retry


@dataclass(slots=True)
class LeftAlone:
    """How many files are left alone, by reason, and the first of each."""

    counts: Counter[Left] = field(default_factory=Counter)
    first: dict[Left, str] = field(default_factory=dict)
    complete: bool = True
    """Whether all files were looked at."""

    def add(self, file: SourceFile) -> None:
        """Count the file, where it is left alone."""
        if file.left is not None:
            self.counts[file.left] += 1
            self.first.setdefault(file.left, file.name)

    def join(self, other: LeftAlone) -> None:
        """Count what another look found, behind what this one did."""
        self.counts += other.counts
        self.first = other.first | self.first

    def words(self, spec: InputSpec, *, on_arrival: bool) -> list[str]:
        """A sentence for each reason; none where no file is left alone."""
        since = duration(spec.settle_seconds(on_arrival=on_arrival))
        said = []
        if count := self.counts["settle"]:
            files, verb = counted(count, "file"), "is" if count == 1 else "are"
            said.append(
                f"{files} {verb} still being written (changed less than {since} ago)"
                f"{self._named('settle')}."
            )
        if count := self.counts["mark"]:
            where = "1 file lies in a folder" if count == 1 else f"{count:,} files lie in folders"
            said.append(f"{where} without the mark {spec.mark!r}{self._named('mark')}.")
        if said and not self.complete:
            said.append("There may be more: looking took too long.")
        return said

    def _named(self, reason: Left) -> str:
        name = repr(self.first[reason])
        return f": {name}" if self.counts[reason] == 1 else f", the first: {name}"


def left_alone(
    job: ResolvedJob,
    batch: str,
    home: Path,
    out_of_time: Callable[[], bool] = lambda: False,
) -> LeftAlone:
    """What the batch would leave alone if it were read now; nothing where no file ever is.

    Raises IntakeError where the place cannot be listed.
    """
    found, spec = LeftAlone(), job.spec.input
    on_arrival = job.spec.batches.cadence == "on_arrival"
    if spec.kind != "path" or not (spec.mark or spec.settle_seconds(on_arrival=on_arrival)):
        return found
    location = resolve_location(job, batch, home)
    for file in every_file(location, access_to(location.root), Retry()):
        found.add(file)
        if out_of_time():
            found.complete = False
            break
    return found
