"""What Prometheus is told: the text format itself, and the figures of real batches in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.metrics import FILE, keep_metrics, metrics
from batch_ai_assets.engine.reporting.prometheus import Family, Sample, exposition
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore

from ..world import World, make_job, stub, world
from .items import plain

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
_SAMPLE = re.compile(
    rf"({_NAME})(?:\{{((?:{_LABEL.pattern})(?:,{_LABEL.pattern})*)\}})?"
    r" ([+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|Inf)|NaN)"
)
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Read = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Read:
    """The figures, by the rules of the text format; fails where a line breaks one."""
    found: Read = {}
    typed: list[str] = []
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# "):
            kind, name, rest = re.fullmatch(rf"# (HELP|TYPE) ({_NAME}) (.+)", line).groups()  # type: ignore[union-attr]
            if kind == "TYPE":
                assert name not in typed, f"{name} is typed twice"
                assert rest == "gauge"
                typed.append(name)
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] == typed[-1], "samples follow the type of their family"
        labels = frozenset(
            (name, re.sub(r'\\[\\"n]', lambda escape: _UNESCAPED[escape[0]], value))
            for name, value in _LABEL.findall(match[2] or "")
        )
        assert (match[1], labels) not in found, f"twice: {line}"
        found[match[1], labels] = float(match.groups()[-1])
    return found


def of(found: Read, name: str, **labels: str) -> float | None:
    return found.get((f"batch_ai_{name}", frozenset(labels.items())))


def test_labels_are_escaped_and_every_number_can_be_read_again() -> None:
    said = 'a "quoted" word,\na line and a \\ backslash'
    values = (0, 12, 0.5, -3.25, 1e-9, 1e300, float("inf"))
    family = Family(
        "batch_ai_try_ratio", "One\nline \\ only.",
        tuple(Sample(value, {"of": said, "n": str(n)}) for n, value in enumerate(values)),
    )  # fmt: skip
    found = read(exposition([family]))
    assert tuple(found.values()) == values
    assert ("of", said) in next(iter(found))[1]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """One batch that is complete with a dead letter, and one that has halted at its budget."""
    with stub() as server, world(tmp_path_factory.mktemp("metrics"), server.base_url) as here:
        here.write_messages([*plain(7), {"id": "r1", "text": "[[id:r1]] [[stub:refusal]] No."}])
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        again = here.run(mode=Mode.REPROCESS)
        assert again.state is State.COMPLETED_WITH_DEAD_LETTERS
        here.write_messages([{"id": f"n{n}", "text": f"[[id:n{n}]] new {n}"} for n in range(4)])
        poor = make_job(here.home, {"budget": {"limit_usd": 1e-6}})
        assert here.run("b2", job=poor).state is State.HALTED
        jobs = {here.job.name: poor}
        assert keep_metrics(jobs, here.deps) == []
        text = (here.home / FILE).read_text()
        assert [path.name for path in (here.home / FILE).parent.iterdir()] == [FILE.name]
        assert text == metrics(jobs, here.deps)
        return read(text)


def test_documents_are_counted_by_their_end(told: Read) -> None:
    assert of(told, "batch_items", job="topics", batch="b1", end="valid") == 7
    assert of(told, "batch_items", job="topics", batch="b1", end="dead") == 1
    assert of(told, "batch_items", job="topics", batch="b2", end="pending") == 4
    assert of(told, "dead_letters", job="topics") == 1, "of its newest version"


def test_progress_cost_and_budget_stand_beside_each_other(told: Read) -> None:
    one, two = {"job": "topics", "batch": "b1"}, {"job": "topics", "batch": "b2"}
    assert of(told, "batch_progress_ratio", **one) == 1.0
    assert of(told, "batch_progress_ratio", **two) == 0.0
    cost = of(told, "batch_cost_usd", **one)
    assert cost is not None
    assert cost > 0
    assert of(told, "batch_budget_usd", **two) == pytest.approx(1e-6)


def test_a_batch_says_its_state_and_only_what_can_be_known(told: Read) -> None:
    assert of(told, "batch_state", job="topics", batch="b1",
              state="completed_with_dead_letters", reason="") == 1  # fmt: skip
    assert of(told, "batch_eta_seconds", job="topics", batch="b1") == 0
    assert of(told, "batch_eta_seconds", job="topics", batch="b2") is None
    assert of(told, "deadline_seconds", job="topics", batch="b2") is None


def test_alerts_are_counted_by_kind_and_a_provider_that_answers_is_not_away(told: Read) -> None:
    assert of(told, "alerts_open", kind="dead_letters", severity="error") == 1
    assert of(told, "provider_away", provider="stub") == 0


def test_a_batch_that_ended_long_ago_is_not_shown(topics: World) -> None:
    topics.write_messages(plain(3))
    topics.run()
    jobs, store = {topics.job.name: topics.job}, topics.deps.store
    assert of(read(metrics(jobs, topics.deps)), "batch_cost_usd", job="topics", batch="b1")
    later = StateStore(store.database, lambda: store.clock() + 90_000)
    assert 'batch="b1"' not in metrics(jobs, replace(topics.deps, store=later))
