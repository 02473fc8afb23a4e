"""Messages with names that no other test has used, and what the books say about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from itertools import count
from typing import Any
from uuid import uuid4

from batch_ai_assets.engine.sealing import document_context
from batch_ai_assets.engine.state.rows import DeadLetterRow

from ..world import World

_PREFIX = uuid4().hex[:8]
_numbers = count()


def named(text: str = "") -> dict[str, str]:
    """One message whose id is known to the stub's /stats as well."""
    name = f"{_PREFIX}-{next(_numbers)}"
    return {"id": name, "text": f"[[id:{name}]] a message about money {text}"}


def messages(*texts: str) -> list[dict[str, str]]:
    return [named(text) for text in texts]


def plain(number: int) -> list[dict[str, str]]:
    """`number` messages without any marker."""
    return messages(*([""] * number))


def ids(rows: Iterable[dict[str, str]]) -> list[str]:
    return [row["id"] for row in rows]


def table(world: World, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of the state store, by another way than the engine's own."""
    with closing(sqlite3.connect(world.home / "state/state.sqlite")) as connection:
        return connection.execute(query, values).fetchall()


def money(world: World, batch: str = "b1", kind: str = "%") -> tuple[int, int, float]:
    """(tokens in, tokens out, USD) of the ledger of a batch."""
    (row,) = table(
        world,
        "SELECT coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0), "
        "coalesce(sum(cost_usd), 0.0) FROM ledger JOIN plans USING (plan_id) "
        "WHERE batch = ? AND kind LIKE ?",
        batch,
        kind,
    )
    return row


def price(tokens_in: int, tokens_out: int) -> float:
    """What the test provider charges, USD."""
    return (tokens_in * 0.1 + tokens_out * 0.4) / 1_000_000


def opened(world: World, letter: DeadLetterRow) -> tuple[bytes, bytes | None]:
    """(document, raw answer) of a dead letter, unsealed."""
    context = document_context(letter.job, letter.batch, letter.item_id)
    answer = letter.sealed_answer
    return (
        world.deps.sealer.open(letter.sealed_payload, context),
        None if answer is None else world.deps.sealer.open(answer, context),
    )
