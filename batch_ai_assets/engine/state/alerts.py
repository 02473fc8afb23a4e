"""Alerts that are or were open, and which of them still have to be told. Rows of `alerts`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from ..alert import Alert, Change, change
from . import tables as t
from .database import Database

_TEXTS = ("kind", "severity", "job", "batch", "title", "message")


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An alert with its life so far; times in UTC seconds since the epoch."""

    alert_id: int
    alert: Alert
    opened_at: float
    changed_at: float
    """When it was opened, grew or was resolved."""
    resolved_at: float | None
    told_at: float | None
    """The newest change that was delivered; None: none was."""


class Alerts:
    """One row for each time that something was wrong."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def settle(self, key: str, now: Alert | None, figure: str) -> tuple[Change, KeptAlert | None]:
        """Open, change or resolve the alert with this key, in one transaction. `now`: what is
        wrong at present, None for nothing; what became of it, and the row it is about."""

        def work(connection: sa.Connection) -> tuple[Change, int | None]:
            a = t.alerts.c
            open_ = connection.execute(
                sa.select(t.alerts).where(a.dedup_key == key, a.resolved_at.is_(None))
            ).first()
            taken = change(now, _kept(open_).alert if open_ else None, figure)
            at = self._clock()
            if now is not None and open_ is None:
                row = {**_values(now), "dedup_key": key, "opened_at": at, "changed_at": at}
                made = sa.insert(t.alerts).values(row).returning(a.alert_id)
                return taken, int(connection.execute(made).scalar_one())
            if open_ is None:
                return taken, None
            values: dict[str, object] = {} if now is None else _values(now)
            if taken in (Change.TELL_AGAIN, Change.RESOLVE):
                values["changed_at"] = at
            if taken is Change.RESOLVE:
                values["resolved_at"] = at
            connection.execute(
                sa.update(t.alerts).where(a.alert_id == open_.alert_id).values(values)
            )
            return taken, int(open_.alert_id)

        taken, number = self._db.run(work)
        return taken, None if number is None else self._one(number)

    def _one(self, number: int) -> KeptAlert:
        with self._db.read() as connection:
            row = connection.execute(
                sa.select(t.alerts).where(t.alerts.c.alert_id == number)
            ).one()
        return _kept(row)

    def untold(self) -> list[KeptAlert]:
        """Alerts whose newest change was not delivered, oldest first."""
        a = t.alerts.c
        return self._where(sa.or_(a.told_at.is_(None), a.told_at < a.changed_at))

    def open(self) -> list[KeptAlert]:
        """What is wrong now, oldest first."""
        return self._where(t.alerts.c.resolved_at.is_(None))

    def newest(self, limit: int) -> list[KeptAlert]:
        """The last alerts, resolved ones too, oldest first."""
        return self._where(sa.true())[-limit:]

    def _where(self, condition: sa.ColumnElement[bool]) -> list[KeptAlert]:
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(t.alerts).where(condition).order_by(t.alerts.c.alert_id)
            )
            return [_kept(row) for row in rows]

    def told(self, kept: KeptAlert) -> None:
        """The change that `kept` shows was delivered."""
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.alerts)
                .where(t.alerts.c.alert_id == kept.alert_id)
                .values(told_at=kept.changed_at)
            )
        )


def _values(alert: Alert) -> dict[str, object]:
    texts: dict[str, object] = {name: getattr(alert, name) for name in _TEXTS}
    return {**texts, "figures": orjson.dumps(dict(alert.figures)).decode()}


def _kept(row: sa.Row[tuple[object, ...]]) -> KeptAlert:
    said = row._mapping
    texts = {name: said[name] for name in _TEXTS}
    return KeptAlert(
        alert_id=said["alert_id"],
        alert=Alert(**texts, figures=orjson.loads(said["figures"])),
        opened_at=said["opened_at"],
        changed_at=said["changed_at"],
        resolved_at=said["resolved_at"],
        told_at=said["told_at"],
    )
