"""Which files of a folder are documents, in which order, and which are not touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import IntakeError

from .jobs import job_for, only, read, reason

NAMES = [
    "a b.txt",
    "a'b\".txt",
    "line\nbreak.txt",
    "Ωμέγα/文書.txt",
    "a/x.txt",
    "a-b.txt",
    "a.txt",
    "Ünï/deep/er.md",
    "100%.txt",
    "back\\slash.txt",
    "*[?].txt",
]


def _filled(tmp_path: Path, names: list[str]) -> Path:
    inbox = tmp_path / "inbox"
    for name in names:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_text(f"text of {name}")
    inbox.mkdir(exist_ok=True)
    return inbox


def _ids(tmp_path: Path, **given: str) -> list[str]:
    return [document.item_id for document in read(job_for(tmp_path, **given))]


def test_every_file_is_an_item_in_posix_path_order(tmp_path: Path) -> None:
    _filled(tmp_path, NAMES)
    assert _ids(tmp_path) == sorted(NAMES)


def test_an_empty_folder_has_no_items(tmp_path: Path) -> None:
    (tmp_path / "inbox" / "sub").mkdir(parents=True)
    assert _ids(tmp_path) == []


def test_hidden_files_and_marker_files_are_no_documents(tmp_path: Path) -> None:
    _filled(
        tmp_path, [".hidden", "_SUCCESS", "_temporary/x.txt", ".git/x.txt", "a/_b.txt", "c.txt"]
    )
    assert _ids(tmp_path) == ["c.txt"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "b/c.txt", "b/d/e.txt"]),
        ("b/**/*", ["b/c.txt", "b/d/e.txt", "b/n.md"]),
        ("**/*.pdf", []),
    ],
)
def test_the_glob_chooses_files(tmp_path: Path, glob: str, expected: list[str]) -> None:
    _filled(tmp_path, ["a.txt", "b/c.txt", "b/d/e.txt", "b/n.md"])
    assert _ids(tmp_path, glob=glob) == expected


def test_a_glob_that_is_no_pattern_is_an_error(tmp_path: Path) -> None:
    _filled(tmp_path, ["a.txt"])
    with pytest.raises(IntakeError, match=r"input.glob 'a\*\*b' is not a pattern"):
        read(job_for(tmp_path, glob="a**b"))


def test_a_link_that_leaves_the_folder_is_an_item_that_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not for the model")
    inbox = _filled(tmp_path, [])
    (inbox / "out.txt").symlink_to(tmp_path / "secret.txt")
    document = only(read(job_for(tmp_path)))
    assert (document.item_id, reason(document)) == ("out.txt", "unreadable")
    assert document.problem is not None
    assert "leaves the input folder" in document.problem.message
    assert (document.text, document.raw) == ("", b"")


def test_a_link_by_way_of_dots_is_not_read_either(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not for the model")
    inbox = _filled(tmp_path, ["a/x.txt"])
    (inbox / "a" / "out.txt").symlink_to("../../secret.txt")
    documents = read(job_for(tmp_path))
    assert [reason(document) for document in documents] == ["unreadable", None]


def test_a_linked_folder_that_leaves_the_root_is_one_item_whatever_the_glob(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.txt").write_text("not for the model")
    inbox = _filled(tmp_path, [])
    (inbox / "linked").symlink_to(tmp_path / "elsewhere")
    document = only(read(job_for(tmp_path, glob="**/*.txt")))
    assert (document.item_id, reason(document)) == ("linked", "unreadable")


def test_a_sibling_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, [])
    (tmp_path / "inbox2").mkdir()
    (tmp_path / "inbox2" / "x.txt").write_text("not for the model")
    (inbox / "x.txt").symlink_to(tmp_path / "inbox2" / "x.txt")
    assert reason(only(read(job_for(tmp_path)))) == "unreadable"


def test_a_link_inside_the_folder_is_a_file_and_loops_end(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, ["a/x.txt"])
    (inbox / "again.txt").symlink_to("a/x.txt")
    (inbox / "a" / "up").symlink_to("..")
    (inbox / "self").symlink_to("self")
    documents = {document.item_id: reason(document) for document in read(job_for(tmp_path))}
    assert documents == {"a/x.txt": None, "again.txt": None, "self": "unreadable"}


def test_the_input_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "x.txt").write_text("text")
    (tmp_path / "inbox").symlink_to(real)
    assert reason(only(read(job_for(tmp_path)))) is None


def test_a_dangling_link_and_a_pipe_are_items_with_a_problem(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, [])
    (inbox / "gone").symlink_to("nowhere")
    os.mkfifo(inbox / "pipe")
    documents = read(job_for(tmp_path))
    assert [reason(document) for document in documents] == ["unreadable", "unreadable"]


def test_names_are_normalised_and_two_spellings_of_one_name_stay_apart(tmp_path: Path) -> None:
    _filled(tmp_path, ["cafe\u0301.txt", "caf\u00e9.txt"])
    documents = read(job_for(tmp_path))
    assert [document.item_id for document in documents] == ["café.txt", "café.txt#2"]
    assert [reason(document) for document in documents] == [None, "duplicate_id"]


def test_a_name_that_is_not_utf8_is_escaped_and_its_file_is_read(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, [])
    (inbox / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"text")
    document = only(read(job_for(tmp_path)))
    assert (document.item_id, document.text) == ("caf\\xe9.txt", "text")


def test_a_very_deep_folder_is_walked(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, [])
    deep = "/".join(["d"] * 400)
    folder = os.open(inbox, os.O_RDONLY)
    try:
        for _ in range(400):
            os.mkdir("d", dir_fd=folder)
            below = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        with os.fdopen(os.open("x", os.O_WRONLY | os.O_CREAT, dir_fd=folder), "w") as file:
            file.write("text")
    finally:
        os.close(folder)
    assert _ids(tmp_path) == [f"{deep}/x"]
