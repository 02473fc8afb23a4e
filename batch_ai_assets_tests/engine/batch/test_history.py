"""Daily batches of the past, run in whatever order a backfill takes them."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.published_views import connect_to_views

from ..world import World, make_job, message, world

DAYS = [str(date(2026, 3, 1) + timedelta(days=number)) for number in range(16)]
DAILY = {
    "batches": {"cadence": "daily", "window": "path"},
    "input": {"path": "{home}/inbox/{date}"},
}


def deliver(here: World, day: str, rows: list[dict[str, Any]]) -> None:
    folder = here.home / "inbox" / day
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def current(here: World) -> dict[str, str]:
    """item → the day whose row consumers take for it."""
    connection = connect_to_views("topics", str(here.home / "data"))
    return dict(connection.execute("SELECT item_id, batch FROM topics__current").fetchall())


def test_a_history_backfilled_in_any_order_gives_every_item_its_newest_row_and_pays_once(
    tmp_path: Path, server: LocalProvider
) -> None:
    """Every day brings two new items, one that never changes, and one that changes weekly."""
    with world(tmp_path, server.base_url, DAILY) as here:
        for number, day in enumerate(DAYS):
            week = f"as of week {number // 7}"
            own = [message(7000 + 2 * number), message(7001 + 2 * number)]
            deliver(here, day, [*own, message(9001), message(9002, week)])
        days = random.Random(7).sample(DAYS, len(DAYS))

        ended = {day: here.run(day).state for day in days}

        assert set(ended.values()) == {State.COMPLETED}
        for number, day in enumerate(DAYS):
            own_ids = {f"m{7000 + 2 * number}", f"m{7001 + 2 * number}"}
            released = {row["item_id"] for row in here.results(day)}
            assert own_ids <= released <= own_ids | {"m9001", "m9002"}
            counts = here.counts(day)
            assert (counts.items, counts.valid + counts.skipped) == (4, 4)
        assert server.stats()["calls"] == 2 * len(DAYS) + 1 + (len(DAYS) + 6) // 7
        rows = current(here)
        assert len(rows) == 2 * len(DAYS) + 2
        last_week = DAYS[(len(DAYS) - 1) // 7 * 7 :]
        assert rows["m9002"] in last_week


def test_a_day_that_is_backfilled_late_does_not_replace_a_later_days_row(
    tmp_path: Path, server: LocalProvider
) -> None:
    with world(tmp_path, server.base_url, DAILY) as here:
        deliver(here, "2026-03-01", [message(7101, "the first wording")])
        deliver(here, "2026-03-02", [message(7101, "the second wording")])

        here.run("2026-03-02")
        here.run("2026-03-01")

        assert current(here) == {"m7101": "2026-03-02"}


def test_an_item_that_becomes_again_what_it_was_is_current_as_it_is_now(
    tmp_path: Path, server: LocalProvider
) -> None:
    with world(tmp_path, server.base_url, DAILY) as here:
        for day, text in (("01", "one wording"), ("02", "another"), ("03", "one wording")):
            deliver(here, f"2026-03-{day}", [message(7201, text)])
            here.run(f"2026-03-{day}")

        assert current(here) == {"m7201": "2026-03-03"}
        assert server.stats()["calls"] == 2, "its first answer serves it again"


def test_under_a_new_prompt_an_unchanged_item_of_the_next_day_is_asked_again(
    tmp_path: Path, server: LocalProvider
) -> None:
    with world(tmp_path, server.base_url, DAILY) as here:
        deliver(here, "2026-03-01", [message(7301)])
        deliver(here, "2026-03-02", [message(7301)])
        here.run("2026-03-01")
        newer = make_job(tmp_path, {**DAILY, "prompt": {"version": "2"}})

        here.run("2026-03-02", job=newer.model_copy(update={"prompt_text": "Say its topic."}))

        assert [row["prompt_version"] for row in here.results("2026-03-02")] == ["2"]
        assert current(here) == {"m7301": "2026-03-02"}
