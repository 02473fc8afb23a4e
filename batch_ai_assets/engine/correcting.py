"""Correcting: an answer that a person writes, held to what a model's answer is held to."""

from __future__ import annotations

from typing import Any

import orjson

from .choosing import choose_named
from .deciding import Decided, log_decided, prove_words, version_to_decide_on
from .deps import Deps
from .errors import DecisionError
from .figures import End
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import Kind
from .validation.answer import AnswerCheck


def correct(
    job: ResolvedJob,
    batch: str,
    item: str,
    answer: dict[str, Any],
    deps: Deps,
    *,
    who: str,
    why: str,
) -> Decided:
    """Put a person's answer in the place of one in review. It must meet the job's schema and
    taxonomy: DecisionError says what does not."""
    plan = version_to_decide_on(job, batch, deps)
    prove_words(Kind.CORRECT, who, why)
    store = deps.store.decisions
    waiting, before = store.waiting(plan, End.REVIEW), store.open(plan)
    choice = choose_named(plan, End.REVIEW, waiting, before, [item])
    content = orjson.dumps(answer)
    checked = AnswerCheck(frozen_job(plan, job)).check(content.decode())
    if checked.fields is None:
        raise DecisionError(
            f"The answer for {item!r} does not meet the output of {job.name}: {checked.detail}. "
            "Nothing was recorded."
        )
    sealed = deps.sealer.seal(content, choice.chosen[0].request_hash)
    store.add(
        plan, Kind.CORRECT, choice.all, who=who.strip(), why=why.strip(), corrected=sealed
    )
    log_decided(plan, Kind.CORRECT, len(choice.all), who)
    return Decided(Kind.CORRECT, choice)
