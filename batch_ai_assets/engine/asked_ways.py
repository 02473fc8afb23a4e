"""How the items of each shard were asked: with which prompt, and whether all of their text.

Derived from the frozen job and the shards of the version; what rows, verdicts and reports say of
an item's group comes from here.
"""

from __future__ import annotations

from collections.abc import Sequence

from .inference.request import RequestTemplate
from .spec.resolved import ResolvedJob
from .state.rows import ShardRow

INPUT_TRUNCATED = "input_truncated"
"""The flag of a row that only the beginning of a document was asked for."""


class AskedWays:
    """The ways of asking of one batch version, by shard."""

    def __init__(self, job: ResolvedJob, shards: Sequence[ShardRow]) -> None:
        ways = {name: job.for_group(name) for name in {shard.group for shard in shards}}
        templates = {name: RequestTemplate(way) for name, way in ways.items()}
        self._versions = {shard.shard: ways[shard.group].spec.prompt.version for shard in shards}
        self._templates = {shard.shard: templates[shard.group] for shard in shards}

    def prompt_version(self, shard: int) -> str:
        return self._versions[shard]

    def flags(self, shard: int, tokens: int) -> list[str]:
        """Flags of an item of the shard whose document has so many tokens."""
        template = self._templates.get(shard)  # an item that was not asked is in no shard
        return [INPUT_TRUNCATED] if template is not None and template.cuts(tokens) else []
