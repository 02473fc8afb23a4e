"""The pages as the tests read them: fenced blocks, command lines, inline code, headings.

Nothing is judged here, and nothing run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ..modules import REPOSITORY

PAGES = (
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "dbt_validation/README.md",
    *sorted(p.relative_to(REPOSITORY).as_posix() for p in REPOSITORY.glob("docs/**/*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    @property
    def title(self) -> str:
        """The comment on its first line: the file that the block stands for."""
        found = re.match(r"(?:#|--) (\S+)\n", self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


@cache
def blocks(page: str, *languages: str) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order; of these languages alone, where some are named."""
    text = text_of(page)
    found = (
        Block(page, text[: match.start()].count("\n") + 2, match[1], match[2])
        for match in _FENCE.finditer(text)
    )
    return tuple(one for one in found if not languages or one.language in languages)


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, *languages)]


def commands(block: Block) -> Iterator[str]:
    """The command lines of a block of shell, a continued one as one."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def inline_code(page: str) -> list[str]:
    """What stands between backticks in the running text."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text_of(page)))


def anchors(page: str) -> set[str]:
    """What a link may name behind `#`: each heading, as it is shown on GitHub."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
