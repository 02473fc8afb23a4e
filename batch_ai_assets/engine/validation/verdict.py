"""The verdict on one answered item: valid, for review, or dead, and why. A pure decision.

Reasons an item dies before it has a usable answer are not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..figures import End

LOW_CONFIDENCE = "low_confidence"
NO_CONFIDENCE = "no_confidence"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where an answered item ends. `reason` is None for a valid one."""

    end: End
    reason: str | None = None
    flags: tuple[str, ...] = ()
    """Names of the warn rules it fails."""
    message: str = ""
    """The reason in a sentence; no document text."""


def judge(
    confidence: float | None,
    review_below: float | None,
    failed_error_rules: Sequence[str],
    failed_warn_rules: Sequence[str],
    *,
    confirmed: bool = False,
) -> Verdict:
    """Decide an answered item's end.

    A failed error rule kills, whatever the confidence, and the first one gives the reason. With
    a review threshold, an answer that is less sure waits for a person, and so does one whose
    confidence is not known; one that a person has `confirmed` does not.
    """
    flags = tuple(failed_warn_rules)
    if failed_error_rules:
        names = ", ".join(failed_error_rules)
        plural = "rules" if len(failed_error_rules) > 1 else "rule"
        return Verdict(
            End.DEAD, f"rule:{failed_error_rules[0]}", flags, f"fails the {plural} {names}"
        )
    if review_below is None or confirmed:
        return Verdict(End.VALID, None, flags)
    if confidence is None or confidence != confidence:
        return Verdict(
            End.REVIEW, NO_CONFIDENCE, flags, "the model gave no confidence for its answer"
        )
    if confidence < review_below:
        return Verdict(
            End.REVIEW,
            LOW_CONFIDENCE,
            flags,
            f"confidence {confidence:.3f} is below {review_below:g}",
        )
    return Verdict(End.VALID, None, flags)
