"""What the provider's prompt cache held, where people look: the UI's numbers, status, estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters

Make = Callable[..., Platform]


def use(here: Platform, provider: LocalProvider) -> None:
    """Ask this provider, with a prompt that it can cache, at half the price for cached tokens."""
    file = here.folder / "providers.yaml"
    entries = yaml.safe_load(file.read_text())
    entries["near"]["base_url"] = provider.base_url
    entries["near"]["models"]["stub"]["price"]["cached_input_usd_per_million"] = 0.5
    file.write_text(yaml.safe_dump(entries))
    (here.folder / "mail" / "prompt.md").write_text("Say what the message is about.\n" * 150)


def numbers(here: Platform, asset: str, batch: str) -> dict[str, Any]:
    event = here.newest("mail", asset, batch)
    assert event is not None
    return {key: value.value for key, value in event.metadata.items()}


def test_cached_tokens_and_what_they_saved_are_shown_wherever_tokens_are(platform: Make) -> None:
    here = platform(job_file(limits={"concurrency": 1}))
    with LocalProvider(ServerOptions(model="stub", prompt_cache=True)) as provider:
        use(here, provider)
        write_documents(here.home, "mail", letters(10))
        assert here.run("mail", "monday").success
        stats = provider.stats()

    cached = stats["cached_tokens"]
    assert cached == 9 * 1152
    for asset in ("enriched_outputs", "completion_report"):
        told = numbers(here, asset, "monday")
        assert told["tokens_cached"] == cached
        assert told["cache_saved_usd"] == pytest.approx(cached * 0.5e-6)
        paid = stats["prompt_tokens"] + 2 * stats["completion_tokens"] - 0.5 * cached
        assert told["cost_usd"] == pytest.approx(paid / 1e6)
    assert numbers(here, "work_plan", "monday")["tokens_cached"] == 0
    assert numbers(here, "work_plan", "monday")["expected_tokens_cached"] == 0
    said = f"{cached:,} input tokens cached by the provider, which saved $0.005184"
    assert said in batch_ai("status", "mail").stdout
    write_documents(here.home, "mail", letters(10, start=10))
    expected = batch_ai("estimate", "mail").stdout
    assert " cached), about " in expected


def test_a_batch_without_cached_tokens_says_nothing_of_them(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))

    here.run("mail", "monday")

    told = numbers(here, "enriched_outputs", "monday")
    assert (told["tokens_cached"], told["cache_saved_usd"]) == (0, 0.0)
    assert "cached" not in batch_ai("status", "mail").stdout
