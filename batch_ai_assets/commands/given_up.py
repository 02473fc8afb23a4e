"""How decisions are told, and documents that people gave up: who, when, why, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.columns import in_line, print_columns, utc
from batch_ai_assets.commands.program import replay_command

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Decision


def decided_lines(decisions: Iterable[Decision]) -> list[tuple[str, str]]:
    """A line for each, the oldest first."""
    return [
        (
            "decided",
            f"{one.kind} by {one.who}, {utc(one.at)} UTC, of version {one.version}"
            + (f": {one.why}" if one.why else ""),
        )
        for one in decisions
    ]


def way_back(job: str, batch: str, item: str) -> str:
    """What a person can do about a document that was given up."""
    return (
        "It is given up: nobody asks about it again, here or in a later batch, while it is the"
        f" same. To take that back: {replay_command(job, batch, item)}"
    )


def tell(lines: Iterable[tuple[str, str]]) -> None:
    """Names and values under each other."""
    for name, value in lines:
        click.echo(f"{name:<12}{in_line(value)}")


def tell_given_up(job: str, one: Decision, decisions: Sequence[Decision]) -> None:
    """The record of a document that was given up out of review."""
    tell(
        [
            ("item", f"{job}/{one.batch}/{one.item_id}"),
            ("reason", one.reason),
            *decided_lines(decisions),
            ("next", way_back(job, one.batch, one.item_id)),
        ]
    )


def decisions_on(job: str, batch: str, item: str, deps: Deps) -> list[Decision]:
    """What people decided about one document of the batch, the oldest first."""
    return [one for one in deps.store.decisions.of(job, batch) if one.item_id == item]


def given_up_now(job: str, batch: str, item: str, deps: Deps) -> Decision | None:
    """The decision by which one document is given up."""
    from batch_ai_assets.engine.given_up import given_up

    found = given_up(job, batch, deps)
    return next((one for one in found if one.item_id == item), None)


def print_given_up(decisions: Sequence[Decision]) -> None:
    """Which documents are given up, as a table."""
    rows = [
        (one.item_id, one.batch, one.reason, one.kind, one.who, utc(one.at), one.why)
        for one in decisions
    ]
    names = ("item", "batch", "reason", "decided", "who", "when (UTC)", "why")
    print_columns(names, rows, or_blocks=True)
