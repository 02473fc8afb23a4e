"""Sealing: opens again as what it was, where it was, with a key that is here, and not otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import SealError
from batch_ai_assets.engine.sealing import Sealer, document_context, load_keys

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
contexts = st.binary(max_size=60)


@given(plain=st.binary(max_size=5000), context=contexts)
def test_what_was_sealed_opens_again(plain: bytes, context: bytes) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(plain, context)
    assert sealer.open(sealed, context) == plain
    assert len(sealed) == len(plain) + 1 + 4 + 12 + 16


@given(plain=st.binary(min_size=8, max_size=200), context=contexts)
def test_nothing_of_it_shows_and_no_two_seals_are_alike(plain: bytes, context: bytes) -> None:
    sealer = Sealer([NEW])
    first, second = sealer.seal(plain, context), sealer.seal(plain, context)
    assert plain not in first
    assert first[5:] != second[5:]


@given(
    plain=st.binary(max_size=100), context=contexts, place=st.integers(0, 10**6),
    flip=st.integers(1, 255),
)  # fmt: skip
def test_a_payload_with_one_changed_byte_does_not_open(
    plain: bytes, context: bytes, place: int, flip: int
) -> None:
    sealer = Sealer([NEW])
    sealed = bytearray(sealer.seal(plain, context))
    sealed[place % len(sealed)] ^= flip
    with pytest.raises(SealError):
        sealer.open(bytes(sealed), context)


@given(plain=st.binary(max_size=100), cut=st.integers(0, 40))
def test_a_payload_that_was_cut_does_not_open(plain: bytes, cut: int) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(plain, b"here")
    with pytest.raises(SealError):
        sealer.open(sealed[: min(cut, len(sealed) - 1)], b"here")


@given(here=contexts, there=contexts)
def test_a_payload_that_was_moved_does_not_open(here: bytes, there: bytes) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"text", here)
    if here != there:
        with pytest.raises(SealError, match="altered or moved"):
            sealer.open(sealed, there)


def test_after_a_rotation_the_newest_key_seals_and_every_kept_key_opens() -> None:
    before, after = Sealer([OLD]), Sealer([OLD, NEW])
    old, new = before.seal(b"old", b""), after.seal(b"new", b"")
    assert after.open(old, b"") == b"old"
    assert after.open(new, b"") == b"new"
    assert Sealer([NEW]).open(new, b"") == b"new"
    with pytest.raises(SealError, match="a key that is not here"):
        before.open(new, b"")
    with pytest.raises(SealError, match="Put the key file"):
        Sealer([NEW, OTHER]).open(old, b"")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(SealError, match="No sealing key"):
        Sealer([])


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    (key,) = load_keys(folder)
    assert load_keys(folder) == [key]
    assert len(key) == 32
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_keys_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, key in (("2027.key", NEW), ("2026.key", OLD)):
        (tmp_path / name).write_bytes(key)
    (tmp_path / "notes.txt").write_text("not a key")
    assert load_keys(tmp_path) == [OLD, NEW]


def test_a_key_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "seal.key").write_bytes(b"short")
    with pytest.raises(SealError, match=r"seal\.key has 5 bytes; a sealing key has 32"):
        load_keys(tmp_path)


def test_first_runs_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from batch_ai_assets.engine.sealing import load_keys; "
        "print(load_keys(Path(sys.argv[1]))[0].hex())"
    )
    line = [sys.executable, "-c", program, str(tmp_path / "keys")]
    runs = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {run.communicate(timeout=60)[0] for run in runs}
    assert len(keys) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["seal.key"]


@given(parts=st.lists(st.text(alphabet="ab-", min_size=1, max_size=3), min_size=6, max_size=6))
def test_two_items_have_two_contexts(parts: list[str]) -> None:
    """Jobs and batches hold no slash, so no two items can be written alike."""
    one, two = parts[:3], parts[3:]
    assert (document_context(*one) == document_context(*two)) == (one == two)


def test_a_folder_among_the_keys_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "old.key").mkdir()
    assert [len(key) for key in load_keys(tmp_path)] == [32]


def test_a_folder_in_the_place_of_the_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "seal.key").mkdir()
    with pytest.raises(SealError, match=r"seal\.key cannot be read"):
        load_keys(tmp_path)
