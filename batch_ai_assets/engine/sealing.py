"""Seal and open payloads: AES-256-GCM with key ids, so that keys can be rotated.

Sealed places are raw input content, answers, dead letters and review payloads (promise 8). What
is sealed is bound to where it lies (`aad`): a payload moved elsewhere does not open.

Layout of a sealed payload: version (1 byte) | key id (4) | nonce (12) | ciphertext and tag.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import SealError

_VERSION = b"\x01"
_NONCE = 12
_HEADER = 1 + 4 + _NONCE


class Sealer:
    """Seals with the newest key; opens with any key it knows."""

    def __init__(self, keys: list[bytes]) -> None:
        if not keys:
            raise SealError("No sealing key: at least one 32-byte key is needed.")
        self._ciphers: Mapping[bytes, AESGCM] = {_key_id(key): AESGCM(key) for key in keys}
        self._prefix = _VERSION + _key_id(keys[-1])
        self._newest = self._ciphers[_key_id(keys[-1])]

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        return self.seal_all([plaintext], [aad])[0]

    def seal_all(self, plaintexts: Sequence[bytes], aads: Sequence[bytes]) -> list[bytes]:
        """Each plaintext sealed with its `aad`.

        Their nonces are drawn at once: asking the system gives up the GIL, and a thread that gives
        it up for every payload keeps the event loop's thread waking up.
        """
        prefix, encrypt = self._prefix, self._newest.encrypt
        random = os.urandom(_NONCE * len(plaintexts))
        nonces = (random[at : at + _NONCE] for at in range(0, len(random), _NONCE))
        return [
            prefix + nonce + encrypt(nonce, plaintext, aad)
            for nonce, plaintext, aad in zip(nonces, plaintexts, aads, strict=True)
        ]

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Plaintext of `sealed`. SealError if the key is unknown or the payload was altered."""
        cipher = self._ciphers.get(sealed[1:5]) if sealed[:1] == _VERSION else None
        if cipher is None:
            raise SealError(
                "A sealed payload names a key that is not here. "
                "Put the key file it was sealed with back into the keys folder."
            )
        try:
            return cipher.decrypt(sealed[5:_HEADER], sealed[_HEADER:], aad)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise SealError(
                "A sealed payload was altered or moved; it cannot be trusted. "
                "Restore it from a backup, or run the batch with --fresh."
            ) from error


def document_context(job: str, batch: str, item_id: str) -> bytes:
    """What a sealed document is bound to: it opens only as this item of this batch."""
    return f"{job}/{batch}/{item_id}".encode()


def load_keys(folder: Path) -> list[bytes]:
    """Keys of `folder` (`*.key`, by name, the last one seals); makes one if none is there.

    Files are 32 raw bytes, mode 0600. Raises SealError if a key file has another size.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = sorted(path for path in folder.glob("*.key") if not path.is_dir())
    if not files:
        _make_key(folder / "seal.key")
        files = [folder / "seal.key"]
    try:
        keys = [path.read_bytes() for path in files]
    except OSError as error:
        raise SealError(
            f"The sealing key {error.filename} cannot be read: {error.strerror}. Put a file that "
            "this user may read in its place."
        ) from None
    for path, key in zip(files, keys, strict=True):
        if len(key) != 32:
            raise SealError(f"{path} has {len(key)} bytes; a sealing key has 32. Restore the file.")
    return keys


def _make_key(path: Path) -> None:
    """Two first runs at once agree on one key: link() fails where the name is taken."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, os.urandom(32))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        with contextlib.suppress(FileExistsError):  # another run was first: its key is the one
            os.link(fresh, path)
    finally:
        fresh.unlink()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"batch-ai key id" + key).digest()[:4]
