"""Jobs for the Launchpad that record what a person decides about dead letters and reviews.

They ask nothing: the sensor `decisions` then runs the batch, whose next version carries it out.
What may be decided is `engine/deciding.py`'s.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import AllDecidedError, BatchAIError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.launchpad import launchpad_job
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Kind


class _Decision(dg.Config):
    """Who decides, and about which batch."""

    batch: str = Field(description="The batch (partition).")
    who: str = Field(description="Who decides; goes to the record.")


class _OfDeadLetters(_Decision):
    """Which dead letters are meant: one of the three."""

    items: list[str] = Field(default=[], description="Ids of the documents.")
    reason: str = Field(default="", description="All that died for this reason.")
    all_of_them: bool = Field(default=False, description="All of the batch not decided yet.")


class ReplayConfig(_OfDeadLetters):
    """Which dead documents are asked about again."""

    root_cause: str = Field(description="What was wrong, and is mended.")


class DiscardConfig(_OfDeadLetters):
    """Which dead documents are given up."""

    why: str = Field(description="Why they are given up.")


class ReviewConfig(_Decision):
    """What is said of answers in review."""

    accept: list[str] = Field(default=[], description="Ids whose answers are right.")
    accept_all: bool = Field(default=False, description="All that nobody has decided on are right.")
    correct: dict[str, dict[str, Any]] = Field(
        default={}, description="Id: the right answer, whole, as the job's output schema has it."
    )
    reject: list[str] = Field(default=[], description="Ids that are given up.")
    why: str = Field(default="", description="What was wrong; needed to correct or reject.")


def decision_jobs(job: ResolvedJob) -> tuple[dg.JobDefinition, ...]:
    """`JOB__replay_dead_letters`, `JOB__discard_dead_letters` and `JOB__review`."""

    @dg.op(name=f"{job.name}__replay_dead_letters_op", required_resource_keys={ENGINE})
    def replay(context: dg.OpExecutionContext, config: ReplayConfig) -> None:
        from batch_ai_assets.engine.state.rows import Kind

        _decide(context, job, Kind.REPLAY, config, config.root_cause)

    @dg.op(name=f"{job.name}__discard_dead_letters_op", required_resource_keys={ENGINE})
    def discard(context: dg.OpExecutionContext, config: DiscardConfig) -> None:
        from batch_ai_assets.engine.state.rows import Kind

        _decide(context, job, Kind.DISCARD, config, config.why)

    @dg.op(name=f"{job.name}__review_op", required_resource_keys={ENGINE})
    def of_review(context: dg.OpExecutionContext, config: ReviewConfig) -> None:
        _review(context, job, config)

    said = {
        "replay_dead_letters": (replay, "Asks about dead documents again, once their cause is "
                                "mended: the next version of the batch."),
        "discard_dead_letters": (discard, "Gives dead documents up; their record stays."),
        "review": (of_review, "Accepts, corrects or rejects answers that wait for a person."),
    }  # fmt: skip
    then = "The sensor `decisions` runs the batch then."
    return tuple(
        launchpad_job(job, name, op, f"{words} {then}") for name, (op, words) in said.items()
    )


def _decide(
    context: dg.OpExecutionContext,
    job: ResolvedJob,
    kind: "Kind",
    config: ReplayConfig | DiscardConfig,
    why: str,
) -> None:
    from batch_ai_assets.engine.deciding import decide

    _only_one(config.items, config.reason, config.all_of_them)
    try:
        decided = decide(
            job, config.batch, kind, context.resources.engine.deps,
            who=config.who, why=why, items=config.items,
            reasons=[config.reason] if config.reason else (),
        )  # fmt: skip
    except BatchAIError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)
    context.log.info(decided.said)


def _only_one(items: Sequence[str], reason: str, all_of_them: bool) -> None:
    if bool(items) + bool(reason) + all_of_them != 1:
        raise dg.Failure(
            description="Say which documents: items, or reason, or all_of_them: true.",
            allow_retries=False,
        )


def _review(context: dg.OpExecutionContext, job: ResolvedJob, config: ReviewConfig) -> None:
    if problem := contradiction(config):
        raise dg.Failure(description=problem, allow_retries=False)
    said, problems = review(job, config, context.resources.engine.deps)
    for line in said:
        context.log.info(line)
    if problems:
        raise dg.Failure(description=" ".join(problems), allow_retries=False)


def contradiction(config: ReviewConfig) -> str:
    """What makes no sense in it; empty where it makes sense."""
    if config.accept and config.accept_all:
        return "Say accept (ids), or accept_all: true, and not both. Nothing was recorded."
    named = {"accept": config.accept, "correct": list(config.correct), "reject": config.reject}
    if not config.accept_all and not any(named.values()):
        return (
            "Nothing is decided here. Fill in accept (ids) or accept_all: true, correct (id: the "
            "right answer) or reject (ids)."
        )
    places: dict[str, list[str]] = {}
    for place, items in named.items():
        for item in dict.fromkeys(items):
            places.setdefault(item, []).append(place)
    twice = [f"{item!r} ({' and '.join(where)})" for item, where in places.items() if where[1:]]
    if not twice:
        return ""
    return f"Say one thing of each document: {', '.join(twice)}. Nothing was recorded."


def review(
    job: ResolvedJob, config: ReviewConfig, deps: "Deps"
) -> tuple[list[str], list[str]]:
    """Everything is tried: what was recorded, and what could not be. Of all, those are accepted
    that are named nowhere."""
    from batch_ai_assets.engine.correcting import correct
    from batch_ai_assets.engine.deciding import Decided, decide
    from batch_ai_assets.engine.state.rows import Kind

    said, problems = list[str](), list[str]()

    def tried(record: Callable[[], Decided]) -> None:
        try:
            said.append(record().said)
        except AllDecidedError as nothing_left:
            said.append(str(nothing_left))
        except BatchAIError as error:
            problems.append(str(error))

    def of(kind: Kind, items: Sequence[str]) -> Callable[[], Decided]:
        return lambda: decide(
            job, config.batch, kind, deps, who=config.who, why=config.why, items=items
        )

    for item, answer in config.correct.items():
        tried(
            partial(
                correct, job, config.batch, item, answer, deps, who=config.who, why=config.why
            )
        )
    if config.reject:
        tried(of(Kind.REJECT, config.reject))
    if config.accept or config.accept_all:
        tried(of(Kind.ACCEPT, config.accept))
    return said, problems
