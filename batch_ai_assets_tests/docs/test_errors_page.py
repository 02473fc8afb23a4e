"""The page of errors is true: every error stands on it, and every message on it is one of ours."""

from __future__ import annotations

import ast
import re

from batch_ai_assets.cli import main  # noqa: F401 - so that every error of the package is known
from batch_ai_assets.commands import running_ui  # noqa: F401
from batch_ai_assets.dbt_tests import DbtError  # noqa: F401
from batch_ai_assets.drills.children import DrillError  # noqa: F401
from batch_ai_assets.engine.control.early_stop import REASON
from batch_ai_assets.engine.errors import BatchAIError, BatchHalted, BatchPaused, BatchStopped
from batch_ai_assets.engine.reporting import wording

from ..modules import package_modules
from .pages import text_of

PAGE = "docs/errors.md"


def rows(after: str) -> list[list[str]]:
    """The cells of the table below a line of the page, without its head."""
    table = re.search(r"(?:^\|.*\n)+", text_of(PAGE).split(after, 1)[1], re.MULTILINE)
    assert table
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table[0].splitlines()[2:]
    ]


def marked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def errors(base: type[BatchAIError] = BatchAIError) -> set[type[BatchAIError]]:
    found = {base}.union(*(errors(below) for below in base.__subclasses__()))
    return {error for error in found if error.__module__.startswith("batch_ai_assets.")}


def test_every_error_is_explained_under_the_word_that_people_see() -> None:
    table = rows("## A batch or a command stopped")
    said = {name: set(marked(words)) for words, name, *_ in table}
    for error in errors() - {BatchStopped, BatchHalted, BatchPaused}:
        assert error.__name__ in said, f"{PAGE} does not explain {error.__name__}"
        ends_no_batch = error.reason == BatchAIError.reason and error is not BatchAIError
        assert said[error.__name__] == (set() if ends_no_batch else {error.reason})
    halts = {"awaiting_approval", "budget", "checks", "month_cap", "provider", REASON}
    assert said["BatchHalted"] == halts
    assert said["BatchPaused"] == {"person", "window", "provider"}
    assert set(said) == {error.__name__ for error in errors()} - {BatchStopped.__name__}
    assert BatchStopped.__name__ in text_of(PAGE)


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    said = [word for cell, *_ in rows("## A document has no result") for word in marked(cell)]
    assert set(said) == {*wording._REASONS, "http_500", "rule:NAME"}
    assert len(said) == len(set(said))


def test_every_message_on_the_page_is_one_of_ours() -> None:
    ours = {
        node.value
        for module in package_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    heads = ("While you write a job:", "When you run one:", "Of the provider:", "Afterwards:")
    said = [word for head in heads for cell, *_ in rows(head) for word in marked(cell)]
    assert len(said) > 30
    assert [word for word in said if not any(word in text for text in ours)] == []
