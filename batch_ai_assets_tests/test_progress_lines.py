from __future__ import annotations

from batch_ai_assets.engine.control.progress import Progress, project
from batch_ai_assets.progress_lines import progress_line, progress_lines


def at(done: int, seconds: float) -> str:
    return progress_line(progress(done, seconds))


def progress(done: int, seconds: float) -> Progress:
    return project(
        "mail", "monday", "running", done_before=0, done=done, total=100, dead=1,
        elapsed_seconds=seconds, tokens=1234, cost_usd=0.5,
    )  # fmt: skip


def test_a_line_says_how_far_how_fast_how_long_still_and_what_it_cost() -> None:
    assert at(50, 10.0) == (
        "50 of 100 items (50.0 %), 18,000 items/h, 10 s to go, 1,234 tokens, 0.5000 USD, 1 dead"
    )


def test_a_line_without_a_pace_makes_no_promise() -> None:
    assert "to go" not in at(0, 0.0)


def test_the_first_two_seconds_promise_nothing() -> None:
    assert at(1, 1.9) == "1 of 100 items (1.0 %), 1,234 tokens, 0.5000 USD, 1 dead"
    assert "items/h" in at(1, 2.0)


def test_one_item_is_not_two() -> None:
    one = project(
        "mail", "monday", "running", done_before=0, done=1, total=1, dead=0,
        elapsed_seconds=1.0, tokens=0, cost_usd=0.0,
    )  # fmt: skip
    assert progress_line(one).startswith("1 of 1 item (")


def test_the_pace_is_that_of_this_run_alone() -> None:
    resumed = project(
        "mail", "monday", "running", done_before=90, done=92, total=100, dead=0,
        elapsed_seconds=4.0, tokens=0, cost_usd=0.0,
    )  # fmt: skip
    assert "1,800 items/h, 16 s to go" in progress_line(resumed)


def test_the_end_is_told_once() -> None:
    written: list[str] = []
    tell = progress_lines(written.append, clock=lambda: 0.0)

    tell(progress(100, 5.0))
    tell(progress(100, 5.1))

    assert len(written) == 1


def test_lines_come_at_once_then_every_ten_seconds_and_at_the_end() -> None:
    now = [0.0]
    written: list[str] = []
    tell = progress_lines(written.append, clock=lambda: now[0])

    for second in range(26):
        now[0] = float(second)
        tell(progress(second, second + 1.0))
    tell(progress(100, 26.0))

    assert [line.split()[0] for line in written] == ["0", "10", "20", "100"]
