"""Encoding: which character set bytes are written in, and the text they make.

A job may name it. Otherwise a byte order mark counts first, then UTF-8, which no other text is by
chance, then what a page declares of itself, then what the letters look like.
"""

from __future__ import annotations

import codecs
import re

AUTO = "auto"
_UTF8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 1 << 16
"""Bytes of a text that is not UTF-8 that are looked at."""
_NEAR = 512
"""Bytes on either side of a letter, where lines are longer."""
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_JAPANESE_MAIL = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_CONTROLS = bytes([*range(0x00, 0x09), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_MOST_CONTROLS = 0.005
_USUAL = "cp1252"
_LIKELY_UTF16 = 0.3
_FEWEST_ZEROS = 3
_SEVEN_BITS = frozenset({"utf-7", "hz", "iso2022_jp", "iso2022_jp_2", "iso2022_kr"})
"""Written in ASCII alone, so that they could be taken for UTF-8."""


def decode(raw: bytes, wish: str = AUTO, declared: str | None = None) -> str:
    """The text of `raw`, without a byte order mark.

    wish: the job's `input.encoding`. declared: what the document says of itself, where it does.
    Raises UnicodeDecodeError where it is no text, or not in the character set that was wished.
    """
    said = _known(declared)
    try:
        if wish == AUTO and said in _SEVEN_BITS and raw.isascii():
            return raw.decode(said)
        return _without_mark(raw.decode(_codec_of(raw, wish)))
    except UnicodeDecodeError:
        if wish != AUTO:
            raise
    for name in (said, detect(_telling(raw), AUTO)):
        if name is not None and name != _UTF8:
            try:
                return _without_mark(raw.decode(name))
            except (UnicodeDecodeError, LookupError):
                continue
    return _without_mark(raw.decode(_UTF8))


def detect(sample: bytes, wish: str = AUTO) -> str:
    """The name of the codec for a text that begins with `sample`, or that it is taken from.

    `utf-8-sig` where a byte order mark is to be passed over. Bytes that are no text are said to be
    `utf-8`: decoding them then tells where it fails.
    """
    name = _codec_of(sample, wish)
    if wish != AUTO or name != _UTF8 or _is_utf8(sample):
        return name
    return _UTF8 if is_binary(sample) else _by_letters(sample)


def is_binary(sample: bytes) -> bool:
    """Whether bytes are no text in any character set of single bytes: zeros, many controls."""
    if b"\0" in sample:
        return True
    held = len(sample) - len(sample.translate(None, _CONTROLS))
    return held > _MOST_CONTROLS * len(sample)


def _codec_of(raw: bytes, wish: str) -> str:
    """What is certain without looking at letters; UTF-8 where nothing is."""
    for mark, name in _MARKS:
        if raw.startswith(mark) and (wish == AUTO or _same_family(wish, name)):
            return name
    if wish != AUTO:
        return wish
    if _JAPANESE_MAIL.search(raw, 0, _LOOKED_AT) and raw[:_LOOKED_AT].isascii():
        return "iso2022_jp"
    return (_utf16_by_zeros(raw) if b"\0" in raw[:_LOOKED_AT] else None) or _UTF8


def _same_family(wish: str, marked: str) -> bool:
    """Whether a mark only says more exactly what was wished, such as the order of the bytes."""
    return wish.replace("_", "-").startswith(marked.removesuffix("-sig"))


def _is_utf8(sample: bytes) -> bool:
    try:
        # Not to the end: a sample may be cut in the middle of a character.
        codecs.getincrementaldecoder(_UTF8)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_by_zeros(sample: bytes) -> str | None:
    """UTF-16 without a mark: where most letters are Latin, every other byte is zero."""
    head = sample[: _LOOKED_AT & ~1]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    likely = max(_FEWEST_ZEROS, _LIKELY_UTF16 * len(head) / 2)
    if even > likely and odd < even / 20:
        return "utf-16-be"
    if odd > likely and even < odd / 20:
        return "utf-16-le"
    return None


def _by_letters(sample: bytes) -> str:
    """What the letters look like; Western European where nothing speaks for anything else."""
    from charset_normalizer import from_bytes

    matches = from_bytes(sample[:_LOOKED_AT])
    best = matches.best()
    if best is None:
        return _UTF8
    if not best.coherence:
        # Too short for a language to be known, it fits many: then the commonest of them.
        for match in matches:
            names = {match.encoding, *match.could_be_from_charset}
            if _USUAL in names and match.chaos <= best.chaos:
                return _USUAL
    return str(best.encoding)


def _telling(raw: bytes) -> bytes:
    """The lines round letters beyond ASCII, up to a bound: what a guess can go by."""
    if len(raw) <= _LOOKED_AT:
        return raw
    found: list[bytes] = []
    size = at = 0
    while size < _LOOKED_AT and (letter := _BEYOND_ASCII.search(raw, at)):
        place = letter.start()
        begin = max(at, place - _NEAR, raw.rfind(b"\n", at, place) + 1)
        end = raw.find(b"\n", place, place + _NEAR)
        at = end + 1 if end >= 0 else min(place + _NEAR, len(raw))
        found.append(raw[begin:at])
        size += at - begin
    return b"".join(found)


def _known(declared: str | None) -> str | None:
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared).name
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    # Pages that declare Latin-1 are read as its superset, as browsers do.
    return _USUAL if name in ("iso8859-1", "latin-1", "ascii") else name


def _without_mark(text: str) -> str:
    return text.removeprefix("\ufeff")
