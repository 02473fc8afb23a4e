"""The checks of the documents of a batch, made before the first call.

Six findings, each a count against the job's bar in `input_quality`. They warn, and stop the batch
where the job says so. Counting is in `input_profile.py`; stopping is the batch's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from ..figures import counted
from .check_result import INPUT_MEANINGS, CheckResult
from .input_profile import NAMED, InputProfile
from .languages import UNKNOWN, is_expected

if TYPE_CHECKING:
    from ..spec.input_quality import Finding
    from ..spec.resolved import ResolvedJob

FEWEST_BATCHES = 5
"""A median of fewer batches says nothing about the next one."""

_LANGUAGES_SHOWN = 6
_AGAIN = "Nothing was asked. Run the batch again when that is done: its input is read anew."


def input_checks(
    job: ResolvedJob,
    found: InputProfile,
    too_long: tuple[int, tuple[str, ...]],
    history: Sequence[int],
) -> tuple[CheckResult, ...]:
    """Every check of the documents, in the order of `check_result.INPUT_MEANINGS`.

    too_long: how many documents are too long for their model, and the first ones. history: items
    of the job's earlier batches, ten at most.
    """
    return (
        _empty(job, found),
        _duplicate(job, found),
        _undecodable(job, found),
        _over_long(job, found, *too_long),
        _language_mix(job, found),
        _size(job, found.items, history),
    )


def _empty(job: ResolvedJob, found: InputProfile) -> CheckResult:
    return _share(
        job, "empty", found, found.counts.get("empty", 0), found.named.get("empty", ()),
        what="have no visible text",
        todo="Look at the documents named, and supply their text or leave them out of the input; "
        "as they are, they end as dead letters without a call. Who discards those is done with "
        "them; they are counted here as long as they are in the input.",
    )  # fmt: skip


def _duplicate(job: ResolvedJob, found: InputProfile) -> CheckResult:
    by_id = found.counts.get("same_id", 0)
    return _share(
        job, "duplicate", found, found.same_text + by_id, (),
        what="repeat another one",
        of_which=f": {found.same_text:,} by the text{_first(found.named, 'same_text')}, "
        f"{by_id:,} by the id{_first(found.named, 'same_id')}",
        todo="Find out why they were delivered twice. The same text is paid for once; the same id "
        "ends as a dead letter.",
        same_text=found.same_text, same_id=by_id,
    )  # fmt: skip


def _undecodable(job: ResolvedJob, found: InputProfile) -> CheckResult:
    named = found.named.get("undecodable", ())
    return _share(
        job, "undecodable", found, found.counts.get("undecodable", 0), named,
        what="cannot be read as text",
        todo="Look at the files named: damaged, of another format than input.format says, or in "
        "another character set (input.encoding).",
    )  # fmt: skip


def _over_long(
    job: ResolvedJob, found: InputProfile, count: int, named: tuple[str, ...]
) -> CheckResult:
    return _share(
        job, "over_long", found, count, named,
        what="are too long for the model",
        todo="Shorten them, choose a model with a longer context, or decide in over_length what "
        "happens to them: dead letters, only their beginning is asked, or their parts.",
    )  # fmt: skip


def _language_mix(job: ResolvedJob, found: InputProfile) -> CheckResult:
    bars = job.spec.input_quality
    unknown = found.languages.get(UNKNOWN, 0)
    others = sum(
        count
        for language, count in found.languages.items()
        if language != UNKNOWN and not is_expected(language, bars.languages)
    )
    share = _part(others, found.sampled) if bars.languages else 0.0
    mix = _mix(found)
    if bars.languages:
        expected = ", ".join(bars.languages)
        said = f"{share:.2%} of the documents are in other languages than {expected}: {mix}"
        bar = f"at most {bars.other_languages:.2%} in other languages than {expected}"
    else:
        said, bar = mix, "none: the job names no languages in input_quality.languages"
    figures = {
        "other_languages": share,
        "unknown_language": _part(unknown, found.sampled),
        "sampled": float(found.sampled),
    }
    todo = (
        "Find out where the other documents come from; where they belong here, add their language "
        "to input_quality.languages and make sure that prompt and model understand it."
    )
    failed = share > bars.other_languages
    return _result(job, "language_mix", failed, said if found.sampled else "", bar, todo, figures)


def _mix(found: InputProfile) -> str:
    ranked = sorted(found.languages.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{language} {count / found.sampled:.1%}" for language, count in ranked]
    rest = len(shown) - _LANGUAGES_SHOWN
    shown = shown[:_LANGUAGES_SHOWN] + ([counted(rest, "more language")] if rest > 0 else [])
    return ", ".join(shown) + f" ({counted(found.sampled, 'document')} looked at)"


def _size(job: ResolvedJob, items: int, history: Sequence[int]) -> CheckResult:
    factor = job.spec.input_quality.size_factor
    bar = f"from 1/{factor:g} of the median of the last ten batches to {factor:g} times it"
    figures = {"items": float(items), "earlier_batches": float(len(history))}
    documents = counted(items, "document")
    if len(history) < FEWEST_BATCHES:
        said = f"{documents}; {_too_few(len(history))} to compare with"
        return _result(job, "size", False, said, bar, "", figures)
    usual = float(median(history))
    said = f"{documents}, where the last {len(history):,} batches had {usual:,.0f}"
    failed = items > factor * usual or items < usual / factor
    todo = (
        "Find out whether the delivery is whole, or holds something twice or for other batches. "
        "Where the size is right, nothing is to be done: later batches get used to it."
    )
    return _result(
        job, "size", failed, said + " in the median", bar, todo, {**figures, "median": usual}
    )


def _share(
    job: ResolvedJob,
    finding: Finding,
    found: InputProfile,
    count: int,
    named: tuple[str, ...],
    *,
    what: str,
    todo: str,
    of_which: str = "",
    **more: int,
) -> CheckResult:
    """A finding where the share of such documents passes the job's bar of the same name."""
    allowed = float(getattr(job.spec.input_quality, finding))
    share = _part(count, found.items)
    whole = counted(found.items, "document")
    said = f"{count:,} of {whole} {what} ({share:.2%})" if found.items else ""
    if count:
        said += of_which
    if named:
        others = "" if count <= NAMED else ", ..."
        said += f", the first: {', '.join(named)}{others}"
    figures = {"share": share, "documents": float(count), "items": float(found.items)}
    figures |= {name: float(value) for name, value in more.items()}
    bar = f"at most {allowed:.2%}"
    return _result(job, finding, share > allowed, said, bar, todo, figures)


def _result(
    job: ResolvedJob,
    finding: Finding,
    failed: bool,
    found: str,
    bar: str,
    todo: str,
    figures: dict[str, float],
) -> CheckResult:
    blocking = finding in job.spec.input_quality.block
    name = f"input_{finding}"
    return CheckResult(
        name=name,
        passed=not failed,
        severity="error" if blocking else "warn",
        blocking=blocking,
        meaning=INPUT_MEANINGS[name],
        found=found or "no documents to look at",
        bar=bar + ("; otherwise the batch stops before the first call" if blocking else ""),
        todo=f"{todo} {_AGAIN}" if failed and blocking else todo if failed else "",
        figures={name: round(value, 4) for name, value in figures.items()},
    )


def _first(named: Mapping[str, Sequence[str]], finding: str) -> str:
    ids = named.get(finding, ())
    return f" (such as {', '.join(ids)})" if ids else ""


def _too_few(batches: int) -> str:
    if not batches:
        return "there is no earlier batch"
    verb = "is" if batches == 1 else "are"
    return f"{counted(batches, 'earlier batch', 'earlier batches')} {verb} too few"


def _part(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
