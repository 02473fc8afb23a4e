"""The lines of a CSV file as UTF-8, whatever character set and line ends it was written with.

Knows nothing of quotes: a line may be a part of a row. Which character set it is, is found out in
`encoding.py`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from ..errors import IntakeError
from .lines import Line, chunks_of, lines_of
from .steady import SteadyFile

_SAMPLE_BYTES = 1 << 18
_UTF8 = ("utf-8", "utf-8-sig")
_WIDE = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_LOST = "batch_ai_lost_bytes"
# A lone surrogate in place of what is no character: UTF-8 refuses it, so the row is known by it.
codecs.register_error(_LOST, lambda error: ("\udcff", getattr(error, "end", 0)))


def sample_of(file: SteadyFile, size: int = _SAMPLE_BYTES) -> bytes:
    """The first bytes, what a character set is told from; the file stays at its beginning."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    file.seek(0)
    return b"".join(parts)


def csv_lines(file: SteadyFile, encoding: str, max_bytes: int) -> Iterator[Line]:
    """Every line with its end, blank ones too; its content None where it exceeds `max_bytes`.

    What does not fit the character set makes its line invalid UTF-8, so that the loss stays with
    its row. Raises OSError where the file cannot be read to its end, IntakeError where `encoding`
    is no character set.
    """
    return lines_of(_utf8_chunks(file, encoding), max_bytes, returns=True)


def _utf8_chunks(file: SteadyFile, encoding: str) -> Iterator[bytes]:
    if encoding in _UTF8:
        yield from chunks_of(file)
        return
    decoder = _decoder(file, encoding)
    for chunk in chunks_of(file):
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _decoder(file: SteadyFile, encoding: str) -> codecs.IncrementalDecoder:
    """For text of that character set; without a byte order mark, the order most machines have."""
    if encoding in _WIDE:
        marked = sample_of(file, 4).startswith(
            (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF32_LE)
        )
        encoding = encoding if marked else _WIDE[encoding]
    try:
        # Refuses what is a codec but no character set, such as base64.
        b"x".decode(encoding, "replace")
        return codecs.getincrementaldecoder(encoding)(_LOST)
    except (LookupError, UnicodeError) as error:
        raise IntakeError(
            f"input.encoding {encoding!r} is no character set that rows can be read in; write "
            "auto, or one such as utf-8 or cp1252"
        ) from error
