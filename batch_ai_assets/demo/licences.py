"""Documents of the job `licence_screening`: the licence texts of the installed Python packages.

They are real documents that every machine has, and the packages' own metadata say what most of
them are. The texts are read where they lie and written to the inbox; none is part of this project.
What the metadata say of a package is read in `licence_metadata.py`.

One line of the JSONL is one licence file: `id` (`package/file`), `text`, `package`, `file`, and

- `half`: `odd` or `even`, by the last bit of sha256(package name). The job's descriptions and
  examples were written looking at the even half alone; accuracy counts on the odd one.
- `truth`: the licence family, or nothing. It is filled only where the package carries exactly one
  licence text and its metadata name exactly one family. A package with several different texts
  (a dual licence, bundled components) does not say which text is which, so none of them counts.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

import orjson

from ..engine.errors import IntakeError
from .licence_metadata import family

FILE_NAME = "licences.jsonl"
_LICENCE_FILE = re.compile(r"(^|[/._-])((un)?licen[cs]e|copying)", re.IGNORECASE)


def collect(target: Path) -> int:
    """Write the licence texts of this environment to `target/licences.jsonl`; how many.

    The order is that of the names, so the same environment gives the same bytes. The file appears
    whole or not at all. Raises IntakeError where `target` cannot be written.
    """
    count = 0
    temporary = target / f".{FILE_NAME}.{os.getpid()}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                for line in documents(distributions()):
                    file.write(orjson.dumps(line) + b"\n")
                    count += 1
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target / FILE_NAME)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise IntakeError(
            f"The licence texts cannot be written to {target}: {error.strerror}. "
            "Make room there or make it writable, or set BATCH_AI_HOME to another folder."
        ) from error
    return count


def documents(installed: Iterable[Distribution]) -> Iterator[dict[str, str]]:
    """One record per licence text of each package, by package name and file name.

    Of a package that is on the path twice the first counts, as it does for `import`.
    """
    by_name: dict[str, Distribution] = {}
    for distribution in installed:
        if distribution.metadata["Name"]:
            by_name.setdefault(canonical_name(distribution.metadata["Name"]), distribution)
    for package, distribution in sorted(by_name.items()):
        texts = dict(_licence_texts(distribution))
        truth = family(distribution.metadata) if len(texts) == 1 else None
        for text, file in texts.items():
            yield {
                "id": f"{package}/{file}",
                "text": text,
                "package": package,
                "file": file,
                "half": half(package),
                "truth": truth or "",
            }


def half(package: str) -> str:
    """`odd` or `even`: the last bit of sha256(package name)."""
    return "odd" if hashlib.sha256(package.encode()).digest()[-1] & 1 else "even"


def canonical_name(name: str) -> str:
    """A package's name as an index writes it: lower case, runs of `-_.` as one `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence_texts(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """(text, file name) of each different licence text; the first name of a text last, so it wins.

    Looks below the package's `.dist-info` alone, for paths with a word that begins with licence,
    license, unlicense or copying. Lists of authors and notices are not licences.
    """
    found: list[tuple[str, str]] = []
    for path in distribution.files or ():
        file = _below_dist_info(path)
        if file is None or not _is_licence(file):
            continue
        try:
            content = Path(str(distribution.locate_file(path))).read_bytes()
        except FileNotFoundError:
            continue
        found.append((file, content.decode("utf-8-sig", errors="replace")))
    for file, text in sorted(found, reverse=True):
        yield text, file


def _below_dist_info(path: PackagePath) -> str | None:
    # Further down there are vendored packages, and their licences are not this package's.
    top, *below = path.parts
    return "/".join(below) if below and top.endswith(".dist-info") else None


def _is_licence(file: str) -> bool:
    return _LICENCE_FILE.search(file.removeprefix("licenses/")) is not None
