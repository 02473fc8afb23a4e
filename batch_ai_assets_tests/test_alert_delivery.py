"""Who is told of alerts: each address, again until it has taken them, and nobody twice for long."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from batch_ai_assets.alert_delivery import deliver
from batch_ai_assets.alert_sensor import alert_sensor
from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.engine.alert import Alert
from batch_ai_assets.engine.deps import Deps
from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.settings import settings

from .hooks import Hook, listening
from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]


@pytest.fixture
def hook(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with listening() as here:
        monkeypatch.setenv("BATCH_AI_ALERT_URLS", f"json://127.0.0.1:{here.port}/hook")
        settings.cache_clear()
        yield here


def open_alert(deps: Deps, dead: int) -> None:
    alert = Alert(
        "dead_letters", "warning", "mail", "monday", "mail/monday", "Read them.",
        {"dead": float(dead)},
    )  # fmt: skip
    deps.store.alerts.settle(alert.dedup_key, alert, "dead")


def test_an_alert_is_sent_until_it_is_taken_and_then_no_more(hook: Hook) -> None:
    with open_deps() as deps:
        open_alert(deps, 1)
        hook.status = 503
        assert (deliver(deps.store).sent, hook.got) == (0, [])
        hook.status = 200
        assert deliver(deps.store).sent == 1
        assert deliver(deps.store).words == "No alert is waiting to be sent."
        open_alert(deps, 1)
        assert deliver(deps.store).sent == 0
        open_alert(deps, 2)
        assert deliver(deps.store).sent == 1
        deps.store.alerts.settle("dead_letters/mail/monday", None, "dead")
        assert deliver(deps.store).sent == 1
    assert [one["title"] for one in hook.got] == [
        "mail/monday", "mail/monday", "Resolved: mail/monday",
    ]
    assert [one["type"] for one in hook.got] == ["warning", "warning", "success"]


def test_a_run_sends_its_alert_and_the_sensor_what_is_left(
    platform: Make, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    hook.status = 503
    ran = batch_ai("run", "mail", "--batch", "monday")
    assert ran.exit_code == 0
    assert "`batch-ai alerts --send` tries again" in ran.output
    assert "error     mail/monday: 1 dead letter  since" in batch_ai("alerts").output

    hook.status = 200
    engine = Connections(open_deps())
    context = dg.build_sensor_context(instance=here.instance, resources={"engine": engine})
    skipped = alert_sensor().evaluate_tick(context)
    assert skipped.skip_message == "1 sent."
    engine.close()
    assert [one["title"] for one in hook.got] == ["mail/monday: 1 dead letter"]
    assert "letter 0" not in json.dumps(hook.got)


def test_without_an_address_nobody_is_sent_anything(home: Path) -> None:
    with open_deps() as deps:
        open_alert(deps, 1)
        assert deliver(deps.store).words == "No alert is waiting to be sent."
    assert batch_ai("alerts", "--all").output.startswith("warning   mail/monday  since ")


@pytest.mark.parametrize(
    "url",
    [
        "json://hooks.example.com/x", "carrier-pigeon", "jsons://h/x?verify=no",
        "mailto://u:hush@example.com",
    ],
)
def test_an_address_that_is_not_verified_over_tls_is_refused_without_being_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BATCH_AI_ALERT_URLS", f"jsons://hooks.example.com/x {url}")
    settings.cache_clear()
    with pytest.raises(SpecError, match="address 2 is not one that is verified") as refusal:
        settings()
    assert "hush" not in str(refusal.value)
    assert url not in str(refusal.value)
