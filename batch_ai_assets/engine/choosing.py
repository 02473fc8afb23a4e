"""Choosing: which documents a decision is about. Pure; recording it is `deciding.py`'s.

A decision on an answer in review is one on its question: it is about every document of the batch
with the same text. What was decided on already is chosen by its id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from .errors import AllDecidedError, DecisionError
from .figures import End, counted
from .state.rows import Decision, Plan, Waiting

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The documents that a decision is about."""

    chosen: tuple[Waiting, ...]
    twins: tuple[Waiting, ...] = ()
    """Others in review with the same text: the decision is about them, too."""
    replaced: tuple[Decision, ...] = ()
    """Decisions before about any of them, which do not count any more."""
    left_alone: int = 0
    """Documents that were decided on already."""

    @property
    def all(self) -> tuple[Waiting, ...]:
        return (*self.chosen, *self.twins)


def choose(
    plan: Plan,
    end: End,
    waiting: Sequence[Waiting],
    before: Sequence[Decision],
    reasons: Collection[str],
) -> Choice:
    """All that wait for one of `reasons`, or all, and that nobody has decided on (`before`)."""
    known = {one.reason for one in waiting}
    if strange := [reason for reason in reasons if reason not in known]:
        raise _nothing(plan, end, strange)
    meant = [one for one in waiting if not reasons or one.reason in reasons]
    if not meant:
        raise _nothing(plan, end)
    seqs, questions = {one.seq for one in before}, {one.request_hash for one in before}
    if end is End.REVIEW:
        open_ = [one for one in meant if one.request_hash not in questions]
    else:
        open_ = [one for one in meant if one.seq not in seqs]
    if not open_:
        raise AllDecidedError(
            f"All of {plan.job}/{plan.batch} that this means ({counted(len(meant), 'document')}) "
            "is decided already, and the next run of the batch carries it out. Nothing was "
            f"recorded; to decide anew, name the ids ({_list(plan, end)} shows them)."
        )
    return Choice(tuple(open_), left_alone=len(meant) - len(open_))


def choose_named(
    plan: Plan,
    end: End,
    waiting: Sequence[Waiting],
    before: Sequence[Decision],
    items: Sequence[str],
    ends: Callable[[Sequence[str]], Mapping[str, End]],
) -> Choice:
    """`items` (ids), decided on or not, and in review those with the same texts.

    ends: id → where it stands now, asked for what does not wait.
    """
    known = {one.item_id: one for one in waiting}
    if strange := [item for item in items if item not in known]:
        raise _strange(plan, end, strange, ends(strange[:_SHOWN]))
    chosen = [known[item] for item in dict.fromkeys(items)]
    twins = _twins(chosen, waiting) if end is End.REVIEW else ()
    about = {one.seq for one in (*chosen, *twins)}
    return Choice(tuple(chosen), twins, tuple(one for one in before if one.seq in about))


def _twins(chosen: Sequence[Waiting], waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Others with the same texts; the answers are those of the chosen ones."""
    answers = {one.request_hash: one.answer_id for one in chosen}
    seqs = {one.seq for one in chosen}
    return tuple(
        replace(one, answer_id=answers[one.request_hash])
        for one in waiting
        if one.request_hash in answers and one.seq not in seqs
    )


def _strange(
    plan: Plan, end: End, strange: Sequence[str], ends: Mapping[str, End]
) -> DecisionError:
    """`strange` does not wait; where its first ones stand, and how a valid row is mended."""
    shown = ", ".join(
        f"{item!r} ({ends[item]})" if item in ends else repr(item) for item in strange[:_SHOWN]
    )
    more = f" and {len(strange) - _SHOWN:,} more" if len(strange) > _SHOWN else ""
    mend = ""
    if End.VALID in ends.values():
        run = f"batch-ai run {plan.job} --batch {plan.batch}"
        mend = (
            f" A valid row that is wrong is mended in the job ({run} then), or where the document "
            f"comes from, which is also where it is taken out ({run} --reread then)."
        )
    return DecisionError(
        f"Not {_what(end)} of {plan.job}/{plan.batch}: {shown}{more}. Nothing was recorded; "
        f"{_list(plan, end)} shows which there are.{mend}"
    )


def _nothing(plan: Plan, end: End, reasons: Sequence[str] = ()) -> DecisionError:
    why = f" for {' or '.join(map(repr, reasons))}. Nothing was recorded" if reasons else ""
    return DecisionError(
        f"Nothing of {plan.job}/{plan.batch} is {_what(end)}{why}. {_list(plan, end)} shows what "
        "there is."
    )


def _what(end: End) -> str:
    return "a dead letter" if end is End.DEAD else "in review"


def _list(plan: Plan, end: End) -> str:
    group = "dlq" if end is End.DEAD else "review"
    return f"batch-ai {group} list {plan.job} {plan.batch}"
