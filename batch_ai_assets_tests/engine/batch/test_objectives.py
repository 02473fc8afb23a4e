"""The objectives of a job over its real batches, and the alert where one is not kept."""

from __future__ import annotations

from dataclasses import replace

from batch_ai_assets.engine.objectives import measured
from batch_ai_assets.engine.state.store import StateStore

from ..world import World, make_job
from .items import messages, plain


def test_an_alert_opens_with_a_month_of_bad_batches_and_is_resolved_when_they_are_over(
    topics: World,
) -> None:
    strict = make_job(topics.home, {"thresholds": {"min_items": 5}})
    topics.write_messages([*plain(9), *messages("[[stub:refusal]]")])
    topics.run(job=strict)
    found = {one.name: one for one in measured(strict, topics.deps)}
    assert (found["dead_letter_rate"].part, found["dead_letter_rate"].of) == (1, 10)
    assert (found["within_budget"].part, found["within_budget"].of) == (1, 1)
    assert found["completion_on_time"].measured is None
    assert _open(topics) == ["slo_breach/topics/"]

    store = topics.deps.store
    later = StateStore(store.database, lambda: store.clock() + 31 * 86_400)
    topics.deps = replace(topics.deps, store=later)
    topics.write_messages(plain(9))
    topics.run("b2", job=strict)
    assert {one.name: one for one in measured(strict, topics.deps)}["dead_letter_rate"].kept
    assert _open(topics) == []


def _open(here: World) -> list[str]:
    return [
        one.alert.dedup_key
        for one in here.deps.store.alerts.open()
        if one.alert.kind == "slo_breach"
    ]
