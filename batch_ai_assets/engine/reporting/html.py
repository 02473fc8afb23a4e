"""Reports as self-contained HTML pages: no scripts, nothing loaded from anywhere.

The pages are in `templates/`, all on one (`page.html`); here are their figures. Everything is
escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from . import investigation, wording
from .completion import CompletionRecord
from .links import Link
from .plots import columns, cost_gauge, sla_gauge, stacked

if TYPE_CHECKING:
    from .costs import CostRecord
    from .governance import GovernanceRecord

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(record: CompletionRecord, links: Sequence[Link] = ()) -> str:
    """The completion report."""
    dead = wording.dead_reasons(record)
    return _template("completion.html").render(
        record=record,
        links=links,
        words=wording,
        wrong=investigation,
        ends=stacked(record.conservation.ends()),
        dead=dead,
        most_dead=max((count for _, count, _ in dead), default=0) or 1,
        cost=cost_gauge(record),
        sla=sla_gauge(record),
    )


def render_governance(record: GovernanceRecord) -> str:
    """The governance page."""
    from . import governance_wording

    return _template("governance.html").render(record=record, words=governance_wording)


def render_costs(record: CostRecord) -> str:
    """The page of what a month cost."""
    from . import costs_wording

    days = {f"{one.day:%Y-%m-%d}: {wording.usd(one.usd)}": one.usd for one in record.days}
    return _template("costs.html").render(
        record=record,
        words=costs_wording,
        bars=columns(days),
        most=max(days.values(), default=0.0),
    )


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
