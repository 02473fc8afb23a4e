"""How the items of each shard were asked: by which prompt, all of their text or part by part.

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
INPUT_DIVIDED = "input_divided"
"""The flag of a row that was merged from the answers to the parts of a document."""


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
        if template is None:
            return []
        if template.divides(tokens):
            return [INPUT_DIVIDED]
        return [INPUT_TRUNCATED] if template.cuts(tokens) else []
