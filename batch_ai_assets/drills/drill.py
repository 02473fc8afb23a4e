"""Drill: what it is called, what it proves, on which provider, and how it is carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batch_ai_assets.local_provider.options import ServerOptions

from .fact import Fact, Report
from .stage import Say, Stage, stage


@dataclass(frozen=True, slots=True)
class Drill:
    """One kind of trouble."""

    name: str
    proves: str
    """In one line, for the list."""
    provider: ServerOptions
    facts: Callable[[Stage], Iterator[Fact]]

    def carry_out(self, say: Say) -> Report:
        """Raises DrillError where it could not be brought to its end."""
        began = time.monotonic()
        with stage(say, self.provider) as here:
            facts = tuple(self.facts(here))
        return Report(self.name, facts, time.monotonic() - began)
