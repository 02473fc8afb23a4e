"""Every command that a page shows is one that there is, with the options and arguments it takes.

What the commands of the README do when they are typed in turn is proved in `drill/test_tour.py`.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Sequence

import click
import pytest

from batch_ai_assets.cli import main
from batch_ai_assets.published_views import connect_to_views, one_select
from batch_ai_assets.settings import Settings

from ..engine.world import World
from ..modules import REPOSITORY
from .conftest import JOB
from .pages import PAGES, all_blocks, blocks, commands, inline_code, text_of

LANGUAGES = {"sh", "text", "yaml", "python", "sql", "json", "mermaid"}
IN_SHELL = [(str(block), line) for block in all_blocks("sh") for line in commands(block)]
IN_TEXT = [(page, code) for page in PAGES for code in inline_code(page)]
SETTINGS = {
    "DAGSTER_HOME" if name == "dagster_home" else f"BATCH_AI_{name.upper()}"
    for name in Settings.model_fields
}
KEYS = {"OPENAI_API_KEY"}
"""Variables that a registry names, and no setting does."""


def parsed(group: click.Command, words: Sequence[str], *, whole: bool = True) -> None:
    """Fail unless these words are a command of the group; `whole`: with all of its arguments."""
    command, rest = group, list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest[0])
        assert found is not None, f"{command.name} has no command {rest[0]}"
        command, rest = found, rest[1:]
    if isinstance(command, click.Group) and not rest:
        assert not whole, f"{command.name}: which of its commands?"
        return
    try:
        command.make_context(command.name, rest)
    except click.exceptions.Exit:
        pass  # --help
    except click.MissingParameter:
        if whole:
            raise


def batch_ai(words: Sequence[str]) -> None:
    parsed(main, words)


def dagster(words: Sequence[str]) -> None:
    from dagster._cli import create_dagster_cli

    parsed(create_dagster_cli(), words)


def make(words: Sequence[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    names = [word for word in words if "=" not in word]
    assert set(names) <= set(targets)
    for word in set(words) - set(names):
        assert f"$({word.partition('=')[0]})" in (REPOSITORY / "Makefile").read_text()


def pip(words: Sequence[str]) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert words[0] == "install"
    for wish in words[1:]:
        found = re.fullmatch(r"([a-z-]+)(?:\[([a-z,]+)\])?", wish)
        assert found
        assert found[1] == project["name"]
        assert set((found[2] or "").split(",")) - {""} <= set(project["optional-dependencies"])


def variable(words: Sequence[str]) -> None:
    for word in words:
        assert word.partition("=")[0] in SETTINGS | KEYS


def the_systems_own(_: Sequence[str]) -> None:
    """Nothing of ours to prove."""


PROGRAMS: dict[str, Callable[[Sequence[str]], None]] = {
    "batch-ai": batch_ai, "make": make, "dagster": dagster, "pip": pip, "export": variable,
    "source": the_systems_own, "cp": the_systems_own, "mkdir": the_systems_own,
    "touch": the_systems_own,
}  # fmt: skip


def proved(line: str) -> None:
    """Every command of a line is known, and is called as it may be."""
    for part in re.split(r" && ", line):
        words = shlex.split(part, comments=True)
        while "=" in words[0]:
            variable([words.pop(0)])
        assert words[0] in PROGRAMS, f"{words[0]}: say here what of it is proved"
        PROGRAMS[words[0]](words[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_block_says_what_is_in_it(page: str) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES
    assert text_of(page).count("\n```") == 2 * len(blocks(page))


@pytest.mark.parametrize(("place", "line"), IN_SHELL, ids=[f"{p} {c[:40]}" for p, c in IN_SHELL])
def test_a_command_in_a_block_is_called_as_it_may_be(place: str, line: str) -> None:
    proved(line)


def test_a_command_in_the_text_is_one_that_there_is() -> None:
    ours = [one for one in IN_TEXT if re.match(r"(batch-ai|make|pip|dagster) ", one[1])]
    assert len(ours) > 40
    for page, code in ours:
        program, *words = shlex.split(code)
        try:
            if program == "batch-ai":
                parsed(main, words, whole=False)
            else:
                PROGRAMS[program](words)
        except (click.UsageError, AssertionError) as error:
            pytest.fail(f"{page}: `{code}`: {error}")


def test_an_option_in_the_text_is_one_of_a_command() -> None:
    def options(command: click.Command) -> set[str]:
        own = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return own.union(*map(options, below))

    known = options(main) | {"--help"}
    for page, code in IN_TEXT:
        if re.fullmatch(r"--[a-z-]+", code) and "decisions/" not in page:
            assert code in known, f"{page}: {code}"


def test_a_variable_that_a_page_names_is_a_setting() -> None:
    for page in PAGES:
        named = set(re.findall(r"\bBATCH_AI_[A-Z_]+\b|\bDAGSTER_HOME\b", text_of(page)))
        assert named <= SETTINGS, page


def test_the_readme_has_every_setting_in_its_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", text_of("README.md"), re.MULTILINE)
    assert set(rows) == SETTINGS - {"BATCH_AI_FAILPOINT"}
    assert len(rows) == len(set(rows))


QUERIES = sorted(
    {
        words[3]
        for line in [*(line for _, line in IN_SHELL), *(code for _, code in IN_TEXT)]
        if (words := shlex.split(line, comments=True))[:2] == ["batch-ai", "sql"] and len(words) > 3
    }
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_on_a_page_is_answered(query: str, finished: World) -> None:
    query = query.replace("JOB", JOB)
    with connect_to_views(JOB, str(finished.home / "data")) as views:
        one_select(views, query)
        views.sql(query).fetchall()
