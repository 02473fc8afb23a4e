"""Errors as Dagster keeps them: our own words, and of all others none."""

from __future__ import annotations

import traceback

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchHalted, StateError

WORDS = "a private letter"


def refused() -> None:
    raise ValueError(WORDS)


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(unsaid(error)))


def test_an_error_of_ours_is_kept_and_its_cause_loses_its_words() -> None:
    try:
        try:
            refused()
        except ValueError as cause:
            raise BatchHalted("provider", "The key is refused.") from cause
    except BatchHalted as error:
        said = printed(error)

    assert "The key is refused." in said
    assert "ValueError; its own words may quote a document" in said
    assert "in refused" in said
    assert WORDS not in said


def test_what_an_error_came_on_top_of_loses_its_words_as_well() -> None:
    try:
        try:
            refused()
        except ValueError:
            raise KeyError(WORDS)  # noqa: B904 - as it happens where nobody thinks of it
    except KeyError as error:
        said = printed(error)

    assert "KeyError; its own words" in said
    assert "ValueError; its own words" in said
    assert WORDS not in said


def test_what_was_hidden_on_purpose_stays_hidden() -> None:
    try:
        try:
            refused()
        except ValueError:
            raise StateError("The store is away.") from None
    except StateError as error:
        said = printed(error)

    assert "The store is away." in said
    assert "ValueError" not in said
