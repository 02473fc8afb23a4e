"""Instants: one figure for every spelling of the same moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.intake.instants import epoch_seconds

MOMENT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SECONDS = MOMENT.timestamp()
AHEAD = timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    "value",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=-5))),
        "2026-11-22T14:30:00Z",
        " 2026-11-22 14:30 ",
        "2026-11-22T16:30:00.000+02:00",
        "20261122T143000",
        int(SECONDS),
        SECONDS,
        Decimal(int(SECONDS)),
        str(int(SECONDS)),
        f"{SECONDS:.3f}",
        int(SECONDS) * 1_000,
        int(SECONDS) * 1_000_000,
        int(SECONDS) * 1_000_000_000,
        str(int(SECONDS) * 1_000),
    ],
)
def test_one_moment_in_all_its_spellings(value: object) -> None:
    assert epoch_seconds(value) == SECONDS


@pytest.mark.parametrize("value", [date(2026, 11, 22), "2026-11-22", "20261122"])
def test_a_day_is_its_midnight(value: object) -> None:
    assert epoch_seconds(value) == datetime(2026, 11, 22, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), Decimal("NaN")])
def test_nothing_is_no_instant(value: object) -> None:
    assert epoch_seconds(value) is None


BROKEN = ["soon", "22.11.2026", "2026-13-01", "2026-11-22T25:00", "9" * 400, "1e9", True, [], b"1"]
BEYOND = [float("inf"), -1e300, 10**400, Decimal("1e400"), datetime.min.replace(tzinfo=AHEAD)]


@pytest.mark.parametrize("value", [*BROKEN, *BEYOND])
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - no user reads it
        epoch_seconds(value)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.decimals(), st.datetimes()))
def test_every_instant_that_is_taken_fits_a_calendar(value: object) -> None:
    try:
        seconds = epoch_seconds(value)
    except ValueError:
        return
    if seconds is not None:
        datetime.fromtimestamp(seconds, UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_from_its_text(moment: datetime) -> None:
    assert epoch_seconds(moment.isoformat()) == epoch_seconds(moment) == moment.timestamp()
