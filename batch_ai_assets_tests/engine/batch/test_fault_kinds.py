"""Every kind of fault of a provider, once and for ever, by markers in the documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .items import messages, money, named, opened, price


def patience_with(kind: str) -> dict[str, Any]:
    """Calls time out soon only where one hangs: a loaded machine makes good ones late, too."""
    return {"retry": {"timeout_seconds": 0.8 if kind == "hang" else 10.0}}


@pytest.fixture(scope="module")
def place(shared_stub: LocalProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all kinds, a batch each."""
    home: Path = tmp_path_factory.mktemp("kinds")
    with world(home, shared_stub.base_url) as here:
        yield here


ONCE = (
    "429(0.02)", "500", "502", "503", "504", "408", "500(0.02)", "reset", "hang", "slow(0.05)",
    "malformed", "schema", "taxonomy", "truncated", "empty",
)  # fmt: skip


@pytest.mark.parametrize("kind", ONCE)
def test_an_item_that_fails_once_becomes_a_result(
    kind: str, place: World, server: LocalProvider
) -> None:
    batch = f"once-{ONCE.index(kind)}"
    rows = messages(f"[[stub:{kind},ok]]", "")
    place.write_messages(rows)

    job = make_job(place.home, patience_with(kind))
    assert place.run(batch, job=job).state is State.COMPLETED

    assert [row["item_id"] for row in place.results(batch)] == [row["id"] for row in rows]
    items = server.stats()["items"]
    uses_up_an_attempt = not kind.startswith(("429", "slow"))
    assert items[rows[0]["id"]]["calls"] == (1 if kind.startswith("slow") else 2)
    assert items[rows[1]["id"]]["calls"] == 1
    assert place.results(batch)[0]["attempts"] == 1 + uses_up_an_attempt


def test_a_call_that_breaks_makes_room_for_the_next(place: World) -> None:
    rows = messages(*["[[stub:reset,ok]]"] * 12)
    place.write_messages(rows)
    job = make_job(place.home, patience_with("reset") | {"limits": {"concurrency": 2}})
    assert place.run("breaking", job=job).state is State.COMPLETED
    assert len(place.results("breaking")) == len(rows)


@dataclass(frozen=True)
class Ending:
    """How an item ends that always meets the same fault."""

    kind: str
    reason: str
    attempts: int = 3
    answered: bool = False
    """The raw answer is in the dead letter, and it was paid for."""
    written_off: bool = False
    """The provider may have billed it, so its upper bound counts as spent."""


ALWAYS = (
    Ending("500", "http_500"),
    Ending("502", "http_502"),
    Ending("503", "http_503"),
    Ending("504", "http_504"),
    Ending("408", "http_408"),
    Ending("reset", "connection_lost", written_off=True),
    Ending("hang", "timeout", written_off=True),
    Ending("malformed", "malformed", answered=True),
    Ending("schema", "schema", answered=True),
    Ending("taxonomy", "taxonomy", answered=True),
    Ending("truncated", "truncated", answered=True),
    Ending("empty", "empty_answer", answered=True),
    Ending("refusal", "refusal", attempts=1, answered=True),
    Ending("400", "rejected", attempts=1),
    Ending("413", "too_long", attempts=1),
)


@pytest.mark.parametrize("ending", ALWAYS, ids=lambda ending: ending.kind)
def test_an_item_that_always_fails_ends_dead_with_its_reason_and_its_payload(
    ending: Ending, place: World, server: LocalProvider
) -> None:
    batch = f"always-{ending.kind}"
    bad, good = named(f"[[stub:{ending.kind}]]"), named()
    place.write_messages([bad, good])

    outcome = place.run(batch, job=make_job(place.home, patience_with(ending.kind)))

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert place.dead(batch) == {bad["id"]: ending.reason}
    assert [row["item_id"] for row in place.results(batch)] == [good["id"]]
    (letter,) = place.deps.store.dead_letters("topics", batch)
    assert letter.attempts == ending.attempts
    stats = server.stats()
    assert stats["items"][bad["id"]]["calls"] == ending.attempts
    check_money(ending, place, batch, stats)
    attempts = place.deps.store.letters.attempts(letter)
    assert [one.written_off for one in attempts] == [ending.written_off] * ending.attempts
    assert letter.status == "open"
    payload, answer = opened(place, letter)
    assert payload.decode() == bad["text"]
    assert (answer is not None) == ending.answered
    assert bad["text"] not in letter.message
    assert letter.message


def check_money(ending: Ending, place: World, batch: str, stats: dict[str, Any]) -> None:
    """The ledger says what the provider billed, and bounds what it may have billed."""
    settled = money(place, batch, "settled")
    assert settled[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
    assert settled[2] == pytest.approx(price(*settled[:2]))
    assert stats["answers"] == 1 + ending.answered * ending.attempts
    off = money(place, batch, "written_off")
    if ending.written_off:
        # At least as much as the good answer cost, for each call that was lost.
        assert off[2] > ending.attempts * settled[2]
    else:
        assert off == (0, 0, 0.0)
    assert place.deps.store.figures("topics", batch).cost_usd == pytest.approx(settled[2] + off[2])


def test_a_storm_of_429_uses_up_no_attempt_and_loses_nothing(
    topics: World, server: LocalProvider
) -> None:
    refusals = ",".join(["429(0.01)"] * 8)
    rows = messages(*[f"[[stub:{refusals},ok]]"] * 12)
    topics.write_messages(rows)

    outcome = topics.run()

    assert outcome.state is State.COMPLETED
    assert {row["attempts"] for row in topics.results()} == {1}
    stats = server.stats()
    assert stats["by_status"] == {"429": 12 * 8, "200": 12}
    assert outcome.record is not None
    assert (outcome.record.throttled, outcome.record.calls) == (96, 12)
    assert outcome.record.cost_usd == pytest.approx(
        price(stats["prompt_tokens"], stats["completion_tokens"])
    )


def test_retry_after_holds_every_worker(topics: World, server: LocalProvider) -> None:
    first, *others = messages("[[stub:429(0.6),ok]]", *[""] * 20)
    topics.write_messages([first, *others])

    topics.run()

    stats = server.stats()
    assert stats["first_answer_at"] - stats["first_call_at"] >= 0.55
    assert stats["calls"] == 22


def test_a_mixture_of_all_faults_ends_each_item_where_it_belongs(
    place: World, server: LocalProvider
) -> None:
    dead = {ending.kind: named(f"[[stub:{ending.kind}]]") for ending in ALWAYS}
    mended = messages(*(f"[[stub:{kind},ok]]" for kind in ONCE))
    filler = messages(*[""] * 60)
    rows = filler[:30] + mended + filler[30:50] + list(dead.values()) + filler[50:]
    place.write_messages(rows)

    job = make_job(place.home, {"retry": {"timeout_seconds": 1.5}})
    outcome = place.run("mixture", job=job)

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert place.dead("mixture") == {dead[ending.kind]["id"]: ending.reason for ending in ALWAYS}
    assert len(place.results("mixture")) == len(filler) + len(mended)
    stats = server.stats()
    assert stats["answered_more_than_once"] == 10  # invalid answers are answers, and are paid
    assert place.counts("mixture").holds
