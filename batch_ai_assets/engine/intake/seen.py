"""SeenNames: the set of item names already used in a batch, in little memory."""

from __future__ import annotations

from hashlib import blake2b

_TAIL = 12
_PREFIX = 2


class SeenNames:
    """Remembers names by 112 bits of their hash, about 20 bytes each.

    A `set` of a million names would take over 100 MB. Among ten million names the chance that any
    two are mistaken for each other is below 1e-19; the hash is the same in every process, so a
    batch read twice names its items alike.
    """

    def __init__(self) -> None:
        self._buckets: list[bytearray | None] = [None] * (1 << (8 * _PREFIX))

    def add(self, name: str) -> bool:
        """Remembers `name`; False where it was there already."""
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_PREFIX + _TAIL)
        whole = digest.digest()
        tail = whole[_PREFIX:]
        index = int.from_bytes(whole[:_PREFIX], "big")
        bucket = self._buckets[index]
        if bucket is None:
            self._buckets[index] = bytearray(tail)
            return True
        found = bucket.find(tail)
        while found >= 0:
            if found % _TAIL == 0:
                return False
            found = bucket.find(tail, found + 1)
        bucket += tail
        return True
