"""ChunksSpec: how a document that is too long is cut into parts, and how their answers become one.

Shapes only. Cutting is `engine/inference/parts.py`, merging `merging.py` beside it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Model, NonEmpty

MergeRule = Literal["majority", "max", "weighted"]
"""How one field of the answers to the parts becomes a field of the document's answer."""


class ChunksSpec(Model):
    """What `over_length: chunk_and_merge` means."""

    overlap_tokens: int = Field(default=0, ge=0)
    """So many tokens at the end of a part stand at the beginning of the next one too, at most half
    of what a part has room for."""
    merge: dict[NonEmpty, MergeRule] = Field(default_factory=dict)
    """Field of the answer -> `majority`: the most frequent value; `max`: the largest number, true
    over false; `weighted`: the mean of numbers, weighted by the tokens of the parts, of other
    values the one with the most tokens behind it. Without a rule, numbers are `weighted`, all else
    goes by `majority`. A part that leaves a field out, or says null, has no say in it."""
    most: int = Field(default=50, ge=2)
    """A document that would be cut into more parts than these is a dead letter, `too_long`."""
