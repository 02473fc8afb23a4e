"""Three days of a job in the UI: files arrive, a sensor starts the batch, documents die, a person
reads why, replays them from the Launchpad, and the next version is released.

One test, because each scene stands on the one before; a picture is kept of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from batch_ai_assets.local_provider.process import LocalProvider

from ..jobs import job_file, write_documents, write_registry
from .browser import keep
from .dagster_ui import Ui, dagster_dev, until

JOB = "letters"
ON_ARRIVAL = {
    "batches": {"cadence": "on_arrival", "arrival": {"items": 20}},
    "thresholds": {"min_items": 1},
    "early_stop": {"canary_items": 0, "failed": 1.0},
    "retry": {"base_seconds": 0.05, "max_seconds": 0.2},
}
DAYS = (("first", 0), ("second", 1), ("third", 3))
"""File, and how many of its documents the model fails at until somebody has mended it."""


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory, fast_model: LocalProvider
) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("story")
    registry = write_registry(
        folder / "registry", job_file(JOB, **ON_ARRIVAL), base_url=fast_model.base_url
    )
    with dagster_dev(folder / "home", registry) as running:
        yield running


def drop(ui: Ui, day: str, failing: int) -> list[str]:
    """A file with 24 letters arrives, of which some fail three times; the ids of those."""
    texts = {f"{day}-{n:02}": f"[[id:{day}-{n:02}]] Where is my card? {n}" for n in range(24)}
    lost = list(texts)[:failing]
    for item in lost:
        texts[item] = f"[[id:{item}]] [[stub:500,500,500,ok]] Where is my card?"
    write_documents(ui.home, JOB, texts, f"{day}.jsonl")
    return lost


def new_batch(ui: Ui, before: set[str]) -> str:
    """The batch that the sensor makes of what has arrived, once its run has succeeded."""

    def look() -> str | None:
        found = [run for run in ui.runs(JOB) if run["runId"] not in before]
        done = [run for run in found if run["status"] == "SUCCESS"]
        assert not [run for run in found if run["status"] == "FAILURE"], ui.log.read_text()[-2000:]
        return ui.run(done[0]["runId"])["tags"]["dagster/partition"] if done else None

    return until(look, "the sensor to run a batch of what has arrived", 240)


def current(home: Path, batch: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (home / "data" / JOB / "results" / batch / "_current.json").read_text()
    )
    return found


def test_what_arrives_is_worked_to_its_end_by_a_person_in_the_ui(story: Ui, page: Page) -> None:
    batches, lost = [], list[str]()
    for day, failing in DAYS:
        before = {run["runId"] for run in story.runs(JOB)}
        lost = drop(story, day, failing)
        batches.append(new_batch(story, before))
    batch = batches[-1]

    # The dead letters are an asset.
    queue = story.materialization(JOB, "dead_letter_queue", batch)
    assert queue["metadata"]["dead"] == len(lost)
    page.goto(f"{story.base}/assets/{JOB}/dead_letter_queue?view=partitions&partition={batch}")
    expect(page.get_by_text("dead_by_reason").first).to_be_visible()
    keep(page, "story-dead-letters")

    # A check explains.
    check = story.checks(JOB, batch)["dead_letter_rate"]
    assert "3 of 24 finished documents are dead letters" in check["said"]
    assert "failed in 2 of the last 3 batches" in check["metadata"]["trend"]
    page.goto(
        f"{story.base}/assets/{JOB}/validation_report?view=checks&checkDetail=dead_letter_rate"
    )
    expect(page.get_by_text("batch-ai dlq list").first).to_be_visible()
    keep(page, "story-check")

    # A person replays them from the Launchpad.
    launchpad = f"{JOB}__replay_dead_letters"
    page.goto(
        f"{story.base}/locations/batch_ai_assets.definitions/jobs/{launchpad}/playground"
    )
    config = {
        "batch": batch, "who": "ada@example.com", "all_of_them": True,
        "root_cause": "The provider was down.",
    }  # fmt: skip
    page.locator(".CodeMirror").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(yaml.safe_dump({"ops": {f"{launchpad}_op": {"config": config}}}))
    button = page.get_by_role("button", name="Launch Run")
    expect(button).to_be_enabled()
    keep(page, "story-launchpad")
    before = {run["runId"] for run in story.runs(JOB)}
    button.click()
    (decided,) = until(lambda: story.runs(launchpad) or None, "the Launchpad's run", 60)
    assert story.finished(decided["runId"])["status"] == "SUCCESS"

    # A sensor runs the next version, and it is released.
    assert new_batch(story, before) == batch
    assert current(story.home, batch)["version"] == 2
    assert current(story.home, batch)["rows"] == 24
    assert story.materialization(JOB, "dead_letter_queue", batch)["metadata"]["dead"] == 0
    page.goto(f"{story.base}/assets/{JOB}/results?view=partitions&partition={batch}")
    expect(page.get_by_text("conservation").first).to_be_visible()
    keep(page, "story-next-version")

    # Three batches over time.
    page.goto(f"{story.base}/assets/{JOB}/completion_report?view=overview")
    page.get_by_text("Plots", exact=True).first.click()
    expect(page.get_by_text("items_per_second").first).to_be_visible()
    keep(page, "story-plots")
    page.goto(f"{story.base}/automation")
    expect(page.get_by_text("decisions").first).to_be_visible()
    keep(page, "story-automation")
