"""Looks for words in everything a folder holds: in bytes, databases, tables and compressed blobs.

Words are looked for in every spelling that a program gives them on the way: UTF-16, base64, hex, as
in URLs, JSON and HTML. What may be found where is said by the test.
"""

from __future__ import annotations

import base64
import html
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b\x08")
_UNFOLDED = 64 << 20
_SHOWN = 60
_JSON_LEVELS = 3
"""An event holds JSON in JSON in JSON: each level escapes what the one below has escaped."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where a word was found."""

    place: str
    """The file below the folder, or what else was searched."""
    inside: str
    """Table and column, where it has such."""
    word: str
    about: str
    """What stands around it."""


class Search:
    """Looks for some words, whatever their case, in whatever spelling."""

    def __init__(self, words: Sequence[str]) -> None:
        spelt: dict[bytes, str] = {}
        for word in words:
            for form in (word, word.lower(), word.upper()):  # bytes know the case of ASCII alone
                spelt.update(dict.fromkeys((one.lower() for one in spellings(form)), word))
        self._spelt = spelt
        self._searched: set[tuple[int, int]] = set()

    def folder(self, root: Path) -> Iterator[Sighting]:
        """Every file below `root`: its name, its bytes, and what it holds as a table. One that
        was searched under another name is not searched again."""
        for path in sorted(root.rglob("*")):
            place = path.relative_to(root).as_posix()
            yield from self.text(place, place.encode(), "its name")
            if path.is_file() and self._is_new(path):
                content = path.read_bytes()
                yield from self.text(place, content)
                yield from self._unfolded(place, content)
                if content.startswith(b"PAR1"):
                    yield from self._parquet(place, path)
                elif content.startswith(b"SQLite format 3\0"):
                    yield from self._sqlite(place, path)

    def _is_new(self, path: Path) -> bool:
        about = path.stat()
        known = (about.st_dev, about.st_ino) in self._searched
        self._searched.add((about.st_dev, about.st_ino))
        return not known

    def text(self, place: str, content: bytes, inside: str = "") -> Iterator[Sighting]:
        """The words that stand in `content`, each once."""
        folded = content.lower()
        seen: set[str] = set()
        for spelling, word in self._spelt.items():
            at = -1 if word in seen else folded.find(spelling)
            if at >= 0:
                seen.add(word)
                about = content[max(0, at - _SHOWN) : at + len(spelling) + _SHOWN]
                yield Sighting(place, inside, word, about.decode("utf-8", "replace"))

    def _unfolded(self, place: str, content: bytes) -> Iterator[Sighting]:
        """Blobs that zlib or gzip has packed, wherever they begin."""
        for head in _ZLIB_HEADS:
            at = content.find(head)
            while at >= 0:
                yield from self.text(place, _inflated(content[at:]), f"packed at byte {at}")
                at = content.find(head, at + 1)

    def _parquet(self, place: str, path: Path) -> Iterator[Sighting]:
        table = pq.read_table(path)
        yield from self.text(place, str(table.schema.metadata).encode(), "its metadata")
        for field, column in zip(table.schema, table.columns, strict=True):
            yield from self.text(place, str(field.metadata).encode(), f"metadata of {field.name}")
            for value in _plain_values(column):
                yield from self.text(place, value, field.name)

    def _sqlite(self, place: str, path: Path) -> Iterator[Sighting]:
        """Every value, as the database gives it: long ones lie in pieces over its pages."""
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            connection.text_factory = bytes
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in names.fetchall():
                rows = connection.execute(f'SELECT * FROM "{name.decode()}"')
                columns = [column[0] for column in rows.description]
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        inside = f"{name.decode()}.{column}"
                        if isinstance(value, bytes):
                            yield from self.text(place, value, inside)
                            if value.startswith(_ZLIB_HEADS):
                                yield from self.text(place, _inflated(value), f"{inside}, packed")
        connection.close()


def spellings(word: str) -> set[bytes]:
    """`word` as it may stand in a file."""
    raw = word.encode()
    found = {raw, word.encode("utf-16-le"), word.encode("utf-16-be"), raw.hex().encode()}
    for encoded in (raw, word.encode("utf-16-le")):
        found |= set(_in_base64(encoded))
    texts = {word}
    for level in (True, False):
        escaped = word
        for _ in range(_JSON_LEVELS):
            escaped = json.dumps(escaped, ensure_ascii=level)[1:-1]
            texts.add(escaped)
    texts |= {html.escape(one, quote=marks) for one in set(texts) for marks in (True, False)}
    texts |= {quote(word), quote(word, safe=""), quote_plus(word)}
    texts |= {repr(word)[1:-1], ascii(word)[1:-1]}
    texts.add("".join(f"&#{ord(letter)};" if not letter.isalnum() else letter for letter in word))
    return found | {one.encode() for one in texts}


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """The part of its base64 that does not depend on what stands around, for each alignment."""
    for before in range(3):
        code = base64.b64encode(b"\0" * before + raw)
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        yield code[first:last]
        yield code[first:last].replace(b"+", b"-").replace(b"/", b"_")


def _inflated(content: bytes) -> bytes:
    """What is packed at the beginning of `content`; nothing where nothing is."""
    try:
        return zlib.decompressobj(wbits=47).decompress(content, _UNFOLDED)
    except zlib.error:
        return b""


def _plain_values(column: pa.ChunkedArray) -> Iterator[bytes]:
    for value in column.to_pylist():
        yield from _leaves(value)


def _leaves(value: Any) -> Iterable[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(key)
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif value is not None:
        yield str(value).encode()
