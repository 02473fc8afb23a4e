"""The demo's documents: which files count, what their truth is, and that nothing else changes."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path

import pytest

from batch_ai_assets.demo.licence_metadata import family
from batch_ai_assets.demo.licences import canonical_name, collect, documents, half
from batch_ai_assets.engine.errors import IntakeError


def install(site: Path, name: str, files: dict[str, bytes], *metadata: str) -> Distribution:
    """A package as pip leaves it: a `.dist-info` folder with METADATA and RECORD."""
    folder = site / f"{name}-1.0.dist-info"
    listed = {"METADATA": "\n".join([f"Name: {name}", "Version: 1.0", *metadata]).encode(), **files}
    for file, content in listed.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    (folder / "RECORD").write_text("".join(f"{folder.name}/{file},,\n" for file in listed))
    return PathDistribution(folder)


def truths(*installed: Distribution) -> dict[str, str]:
    return {line["id"]: line["truth"] for line in documents(installed)}


def test_licence_files_count_and_notices_and_authors_do_not(tmp_path: Path) -> None:
    files = [
        "LICENSE", "licenses/COPYING.LESSER", "licenses/vendor/x/LICENCE.md", "licenses/UNLICENSE",
        "licenses/LICENSES/HAVEN_MIT", "licenses/THE_LICENSE",
    ]  # fmt: skip
    others = ["AUTHORS", "licenses/NOTICE", "licenses/AUTHORS.md", "RECORD.txt", "WHEEL"]
    package = install(tmp_path, "p", {name: name.encode() for name in files + others})
    assert {line["file"] for line in documents([package])} == set(files)


def test_a_text_that_a_package_ships_twice_is_one_document(tmp_path: Path) -> None:
    files = {"LICENSE": b"same", "licenses/LICENSE": b"same"}
    package = install(tmp_path, "p", files, "License-Expression: MIT")
    assert truths(package) == {"p/LICENSE": "mit"}


def test_two_different_texts_leave_the_truth_open(tmp_path: Path) -> None:
    files = {"licenses/LICENSE": b"one", "licenses/vendor/LICENSE": b"other"}
    package = install(tmp_path, "p", files, "License-Expression: MIT")
    assert truths(package) == {"p/licenses/LICENSE": "", "p/licenses/vendor/LICENSE": ""}


def test_text_that_is_not_utf8_a_missing_file_and_a_second_copy_are_no_trouble(
    tmp_path: Path,
) -> None:
    latin = install(tmp_path / "a", "A.B", {"LICENSE": "© Müller".encode("latin-1")})
    again = install(tmp_path / "b", "a-b", {"LICENSE": b"shadowed"})
    gone = install(tmp_path / "c", "gone", {"LICENSE": b"x"})
    (tmp_path / "c" / "gone-1.0.dist-info" / "LICENSE").unlink()
    (line,) = documents([latin, again, gone])
    assert (line["package"], line["text"]) == ("a-b", "\ufffd M\ufffdller")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (["License-Expression: MIT"], "mit"),
        (["License-Expression: BSD-3-Clause", "Classifier: License :: OSI Approved :: MIT"], "bsd"),
        (["License-Expression: MIT OR Apache-2.0"], None),
        (["License-Expression: BSD-2-Clause AND BSD-3-Clause"], "bsd"),
        (["License-Expression: (MIT)"], "mit"),
        (["License-Expression: GPL-2.0-or-later WITH Classpath-exception-2.0"], "gpl"),
        (["License-Expression: LGPL-3.0-only"], "lgpl"),
        (["License-Expression: AGPL-3.0-only"], "gpl"),
        (["License-Expression: MIT-CMU"], "other"),
        (["License: MIT"], "mit"),
        (["License: Apache License Version 2.0"], "apache"),
        (["License: GNU Lesser General Public License v3 (LGPLv3)"], "lgpl"),
        (["License: Dual License"], None),
        (["License: MIT\n        " + "and the whole text " * 20], None),
        (["Classifier: License :: OSI Approved"], None),
        (["Classifier: License :: OSI Approved :: ISC License (ISCL)"], "isc"),
        (
            ["Classifier: License :: OSI Approved :: GNU Library or Lesser General Public License"],
            "lgpl",
        ),
        (["Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], "gpl"),
        (["License: MIT", "Classifier: License :: OSI Approved :: BSD License"], None),
        (["Classifier: License :: DFSG approved", "License: MIT"], "mit"),
        (["Classifier: Topic :: MIT License", "License: BSD"], "bsd"),
        ([], None),
    ],
)
def test_the_truth_is_what_metadata_name_alone_and_plainly(
    tmp_path: Path, metadata: list[str], expected: str | None
) -> None:
    assert family(install(tmp_path, "p", {}, *metadata).metadata) == expected


def test_halves_go_by_the_last_bit_of_the_sha256_of_the_name() -> None:
    for name in ("requests", "numpy", "zipp"):
        odd = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2
        assert half(canonical_name(name)) == ("odd" if odd else "even")
    assert canonical_name("Ruamel.Yaml__X") == "ruamel-yaml-x"


def test_this_environment_gives_real_documents_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    count = collect(tmp_path / "new" / "inbox")
    (written,) = (tmp_path / "new" / "inbox").iterdir()
    lines = [json.loads(line) for line in written.read_text("utf-8").splitlines()]
    assert len(lines) == count > 50
    assert len({line["id"] for line in lines}) == count
    assert {line["half"] for line in lines} == {"odd", "even"}
    assert sum(bool(line["truth"]) for line in lines) > 30
    collect(tmp_path / "again")
    assert (tmp_path / "again" / written.name).read_bytes() == written.read_bytes()


def test_a_folder_that_cannot_be_written_is_named_and_nothing_half_is_left(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file in the way")
    with pytest.raises(IntakeError, match="BATCH_AI_HOME") as caught:
        collect(tmp_path / "inbox")
    assert str(tmp_path / "inbox") in str(caught.value)


def test_a_broken_collection_leaves_the_documents_of_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(tmp_path)
    (written,) = tmp_path.iterdir()
    before = written.read_bytes()
    broken = [*list(distributions())[:3], None]
    monkeypatch.setattr("batch_ai_assets.demo.licences.distributions", lambda: broken)
    with pytest.raises(AttributeError):
        collect(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [written.name]
    assert written.read_bytes() == before
