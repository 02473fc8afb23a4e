"""Figures of a governance record as people read them, shared by its views.

Words that every report shares are `wording.py`'s.
"""

from __future__ import annotations

from ..figures import counted
from .completion import ConservationRecord
from .governance import DecisionRecord, GovernedBatch
from .wording import check_tone as check_tone
from .wording import check_word as check_word
from .wording import moment as moment
from .wording import state_tone as state_tone
from .wording import state_words as state_words
from .wording import usd as usd
from .wording import whole as whole
from .wording import with_code as with_code

_COLUMNS = ("valid", "review", "dead", "discarded")


def cost_in_all(batch: GovernedBatch) -> str:
    """Of the version, and of all where there are several."""
    if len(batch.versions) < 2:
        return usd(batch.cost_usd)
    return f"{usd(batch.cost_usd)} ({usd(batch.cost_usd_all_versions)} in all versions)"


def errors_and_warnings(errors: int, warnings: int, checks: int) -> str:
    """For example `2 errors, 1 warning of 14`."""
    if not checks:
        return "none made"
    failed = [counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n]
    return f"{', '.join(failed)} of {checks}" if failed else f"all {checks} passed"


def other_ends(counts: ConservationRecord) -> list[str]:
    """Documents that stand where the table has no column."""
    ends = counts.ends().items()
    return [f"{whole(n)} {end}" for end, n in ends if n and end not in _COLUMNS]


def which(decision: DecisionRecord) -> str:
    """The ids of the first documents, and how many more."""
    more = decision.items - len(decision.first_items)
    named = ", ".join(decision.first_items)
    return f"{named} and {whole(more)} more" if named and more else named


def decided_again(decision: DecisionRecord) -> str:
    """How much of it a later decision has overruled; empty where it all stands."""
    again = decision.decided_again
    if not again:
        return ""
    if again == decision.items:
        return "decided otherwise later"
    return f"{whole(again)} of these decided otherwise later"
