"""The page of log events is true: every event that is written stands on it, with its figures."""

from __future__ import annotations

import ast
import re

from .modules import REPOSITORY, package_modules

PAGE = REPOSITORY / "docs" / "log_events.md"


def documented() -> dict[str, set[str]]:
    """Figures by event, as the table says."""
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    return {event: set(re.findall(r"`(\w+)`", figures)) for event, figures in rows}


def written() -> dict[str, set[str]]:
    """Figures by event, as the code passes them."""
    found: dict[str, set[str]] = {}
    for module in package_modules():
        for call in ast.walk(module.tree):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "log_event"):
                continue
            [event] = call.args
            assert isinstance(event, ast.Constant), f"{module.name}: an event needs a fixed name"
            figures = {keyword.arg for keyword in call.keywords if keyword.arg}
            found.setdefault(str(event.value), set()).update(figures)
    return found


def test_every_event_that_is_written_is_documented_with_its_figures() -> None:
    known = documented()
    for event, figures in written().items():
        assert event in known, f"{PAGE.name} does not list {event}"
        assert figures <= known[event], f"{event} carries {sorted(figures - known[event])}"


def test_no_event_is_documented_that_is_never_written() -> None:
    assert set(documented()) == set(written())


def test_figures_of_an_event_are_documented_only_where_they_are_written() -> None:
    code = written()
    extra = {event: figures - code.get(event, set()) for event, figures in documented().items()}
    assert not {event: figures for event, figures in extra.items() if figures}
