"""Witness: reads the state store of a drill from outside, with nothing of the platform between.

Read-only, by plain SQL on the SQLite file: a drill must not believe the code that it tries.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

_NEWEST = "SELECT plan_id FROM plans WHERE batch = ? ORDER BY version DESC LIMIT 1"


class Witness:
    """What the state store below `home` says; nothing where it is not there yet."""

    def __init__(self, home: Path) -> None:
        self._file = home / "state" / "state.sqlite"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Of one SELECT; none while the store, or the table, is not there or is locked."""
        try:
            with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def one(self, query: str, *values: object) -> Any:
        """The first value; None where there is none."""
        found = self.rows(query, *values)
        return found[0][0] if found else None

    def state(self, batch: str) -> str:
        """State and reason of a batch, such as `halted: budget`."""
        found = self.rows("SELECT state, reason FROM batches WHERE batch = ?", batch)
        if not found:
            return "unknown"
        state, reason = found[0]
        return f"{state}: {reason}" if reason else str(state)

    def message(self, batch: str) -> str:
        """What is said about its state."""
        return str(self.one("SELECT message FROM batches WHERE batch = ?", batch) or "")

    def ends(self, batch: str) -> Counter[str]:
        """Documents of the newest version, by their end."""
        query = f'SELECT "end", count(*) FROM items WHERE plan_id = ({_NEWEST}) GROUP BY 1'
        return Counter({str(end): int(count) for end, count in self.rows(query, batch)})

    def attempts_used(self, batch: str) -> int:
        """The most attempts that one document has used up."""
        query = f"SELECT max(attempt) FROM checkpoints WHERE plan_id = ({_NEWEST})"
        return int(self.one(query, batch) or 0)

    def runs_at_work(self, batch: str) -> int:
        """How many runs have answers of their own in the batch."""
        query = f"SELECT DISTINCT worker FROM checkpoints WHERE plan_id = ({_NEWEST})"
        return len({str(worker).rpartition("/")[0] for (worker,) in self.rows(query, batch)})

    def checkpoints(self, batch: str) -> int:
        """Attempts that are committed, of the newest version."""
        query = f"SELECT count(*) FROM checkpoints WHERE plan_id = ({_NEWEST})"
        return int(self.one(query, batch) or 0)

    def alerts(self) -> list[tuple[str, str, float, float | None]]:
        """Kind, severity, when opened, when resolved, in order."""
        query = "SELECT kind, severity, opened_at, resolved_at FROM alerts ORDER BY alert_id"
        return [(str(k), str(s), float(o), r) for k, s, o, r in self.rows(query)]
