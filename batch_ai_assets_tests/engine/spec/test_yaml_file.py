"""A registry file is read as it was meant, or refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.yaml_file import read_text, read_yaml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "job.yaml"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("0x10", "0x10"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ("'true'", "true"),
        ("5", 5),
        ("010", 10),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("null", None),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(file: Path, written: str, meant: object) -> None:
    file.write_text(f"key: {written}\n")
    read = read_yaml(file).data["key"]
    assert (type(read), read) == (type(meant), meant)


def test_keys_are_text_however_they_look(file: Path) -> None:
    file.write_text("1: a\nno: b\nnull: c\n1.10: d\n")
    assert read_yaml(file).data == {"1": "a", "no": "b", "null": "c", "1.10": "d"}


def test_a_line_is_known_for_every_part(file: Path) -> None:
    file.write_text("a:\n  b:\n    - c: 1.10\n    - d\n")
    read = read_yaml(file)
    assert read.line(["a"]) == 1
    assert read.line(["a", "b", 0, "c"]) == 3
    assert read.line(["a", "b", 1]) == 4
    assert read.line(["a", "b", 7]) == 2
    assert read.line(["z"]) is None
    assert read.written(["a", "b", 0, "c"]) == "1.10"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1\n", 3, "every quote and bracket is closed"),
        ("a:\n\tb: 1\n", 2, "spaces, not tabs"),
        ("a: b: c\n", 1, "quote the text that holds `: `"),
        ("x: 1\na: 1\nx: 2\n", 3, "the key 'x' is given twice"),
        ("a: {b: 1, b: 2}\n", 1, "the key 'b' is given twice"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: *b\n", 1, "define it with &name"),
        ("a: &a [*a]\n", 1, "points to a part that holds it"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "is not known here"),
        ("? [a]\n: b\n", 1, "cannot be a key"),
        ("a: @b\n", 1, "quote text that begins with a special character"),
        ('a: "b\n', 2, "close the quote"),
    ],
)
def test_what_is_not_yaml_is_refused_with_line_and_remedy(
    file: Path, text: str, line: int, said: str
) -> None:
    file.write_text(text)
    with pytest.raises(SpecError) as refused:
        read_yaml(file)
    assert str(refused.value).startswith(f"{file}:{line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "raw", [b"a: \x00", b"a: \x01", b"[" * 100_000, b"a: \xff", b'"\\ud800": 1']
)
def test_bytes_that_are_no_text_are_refused_by_name(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    with pytest.raises(SpecError, match=r"job\.yaml"):
        read_yaml(file)


def test_aliases_that_stand_for_billions_are_refused_at_once(file: Path) -> None:
    lines = ["a: &a [1,2,3,4,5,6,7,8,9]"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    file.write_text("\n".join(lines))
    with pytest.raises(SpecError, match="stands for more than 200,000 values"):
        read_yaml(file)


def test_an_alias_may_repeat_a_part(file: Path) -> None:
    file.write_text("a: &type {type: string}\nb: *type\n")
    assert read_yaml(file).data["b"] == {"type": "string"}


def test_text_is_the_same_whatever_editor_saved_it(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_text(file) == "one\ntwo\n"


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="this is a folder"):
        read_text(tmp_path)
