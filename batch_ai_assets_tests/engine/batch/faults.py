"""Random inputs with fault plans in them, and the equation that holds after every run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.fsck import fsck

from ..world import World
from .items import named

MENDING = ("429(0.005)", "500", "503", "reset", "malformed", "schema", "taxonomy", "truncated")
ENDING = ("ok", "ok", "ok", "refusal", "400", "500", "schema", "empty")
HALTING = ("401,ok", "quota,ok", "ok,404,ok")

scripts = st.one_of(
    st.just(""),
    st.builds(
        lambda before, last: f"[[stub:{','.join([*before, last])}]]",
        st.lists(st.sampled_from(MENDING), max_size=3),
        st.sampled_from(ENDING),
    ),
)
broken_lines = st.sampled_from(
    ["{", "[]", '{"id": "x"}', '{"text": "no id"}', '{"id": "blank", "text": " "}', "\\ud800", "7"]
)
halting = st.sampled_from([f"[[stub:{kind}]]" for kind in HALTING]).map(named)
lines = st.one_of(scripts.map(named), broken_lines)
inputs = st.tuples(
    st.lists(lines, max_size=8), st.lists(halting, max_size=1), st.lists(lines, max_size=6)
).map(lambda parts: parts[0] + parts[1] + parts[2])

FAST: dict[str, Any] = {
    "retry": {"base_seconds": 0.001, "max_seconds": 0.005, "timeout_seconds": 20.0},
    "rules": [{"name": "calm_cards", "sql": "topic <> 'card' OR NOT urgent"}],
}


def examples(number: int) -> settings:
    """So many random plans, all in one world."""
    return settings(
        max_examples=number, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def together(items: int) -> dict[str, Any]:
    """So many items in one request."""
    return {"prompt": {"version": "1", "items_per_request": items}}


def check_conservation(here: World, batch: str, rows: list[Any]) -> None:
    """The equation, judged from the manifest, the published rows and the dead letters."""
    counts = here.counts(batch)
    assert counts.items == len(rows)
    assert counts.holds
    results = here.results(batch) if counts.valid else []
    assert len(results) == counts.valid
    dead = here.deps.store.dead_letters("topics", batch)
    assert len(dead) == counts.dead
    ends = Counter([row["item_id"] for row in results] + [letter.item_id for letter in dead])
    assert set(ends.values()) <= {1}
    ended = sum(ends.values()) + counts.skipped + counts.discarded
    assert ended == counts.items - counts.pending
    assert fsck("topics", batch, here.deps) == []
