"""dbt files: the tests of the dbt project as the files that analytics engineers write.

Which there are, what each is called, what it means, and whether it can be read; and the project as
dbt is given it, without those that cannot. Running them is `dbt_tests.py`'s.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "dbt_validation"
"""Beside the package, as the design card has it: analytics engineers work there."""
_NO_TESTS = ("generic", "fixtures")
"""Folders below `tests/` in which dbt looks for other things."""
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_BEFORE_THE_COMMENT = re.compile(r"\s*(?:\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_CONFIG = re.compile(r"\{\{\s*config\b.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TestFile:
    """One test of the project."""

    __test__ = False  # pytest: this is none of yours

    name: str
    """Of its check; the file's own, unless that has letters that no check may have."""
    path: Path
    meaning: str
    """The comment at its head."""
    trouble: str = ""
    """Why dbt cannot run it."""


def known_tests(project: Path = PROJECT) -> dict[str, TestFile]:
    """Name → every test of the project, those in folders of `tests/` included."""
    known: dict[str, TestFile] = {}
    for path in _files(project / "tests"):
        test = _read(_name(path.relative_to(project / "tests"), known), path)
        known[test.name] = test
    return dict(sorted(known.items()))


def lay_out(project: Path, known: Mapping[str, TestFile], folder: Path) -> None:
    """A copy of the project that dbt can read: every sound test under its name, and no other."""
    ours = {test.path for test in known.values()}
    left_out = {project / "target", project / "logs"} | ours

    def skipped(place: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(place, name) in left_out]

    shutil.copytree(project, folder, ignore=skipped, ignore_dangling_symlinks=True)
    for test in known.values():
        if not test.trouble:
            shutil.copyfile(test.path, place_of(test, project, folder))


def place_of(test: TestFile, project: Path, folder: Path) -> Path:
    """Where the copy of a test is."""
    return (folder / test.path.relative_to(project)).with_name(f"{test.name}.sql")


def _files(folder: Path) -> list[Path]:
    """Those first whose names are theirs: nobody else takes them."""
    found = [
        path
        for path in folder.rglob("*.sql")
        if path.relative_to(folder).parts[0] not in _NO_TESTS and not path.is_dir()
    ]
    return sorted(
        found, key=lambda path: (bool(_NOT_IN_A_NAME.search(path.stem)), len(path.parts), path)
    )


def _name(path: Path, taken: Collection[str]) -> str:
    """A name that Dagster takes for a check; with its folders where the file's own is taken."""
    short = _NOT_IN_A_NAME.sub("_", path.stem)
    if short not in taken:
        return short
    long = _NOT_IN_A_NAME.sub("_", str(path.with_suffix("")))
    number = 1
    while (name := long if number == 1 else f"{long}_{number}") in taken:
        number += 1
    return name


def _read(name: str, path: Path) -> TestFile:
    words = name.replace("_", " ")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        said = f"The file {path.name!r} is not UTF-8 text (byte {error.start}): save it as UTF-8."
        return TestFile(name, path, words, said)
    except OSError as error:
        said = f"The file {path.name!r} cannot be read: {error.strerror}."
        return TestFile(name, path, words, said)
    if not _CONFIG.sub("", _COMMENT.sub("", text)).strip():
        return TestFile(name, path, _meaning(text) or words, "The file holds no query.")
    return TestFile(name, path, _meaning(text) or words)


def _meaning(text: str) -> str:
    """The comment at the head, which may stand behind a line of configuration."""
    while (found := _BEFORE_THE_COMMENT.match(text)) is not None:
        text = text[found.end() :]
    head = []
    for line in text.strip().splitlines():
        if not line.startswith("--"):
            break
        head.append(line.removeprefix("--").strip())
    return " ".join(head)
