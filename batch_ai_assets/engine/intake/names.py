"""Names of files: as a person reads them, as a database keeps them, and the type they tell.

A name on disk is bytes. Python carries bytes that are not UTF-8 as lone surrogates, which neither
a database nor JSON takes; here they get a form that does not lose them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

_QUOTED = "//"
"""Begins a key that is quoted; no relative path begins so."""
_ENDING = re.compile(r"\.([A-Za-z0-9_+-]{1,16})\Z")
_NO_ENDING = "txt"


def shown(path: str) -> str:
    r"""A path as text: NFC, with bytes that are not UTF-8 as `\xff`."""
    if path.isascii():
        return path
    return unicodedata.normalize("NFC", os.fsencode(path).decode("utf-8", "backslashreplace"))


def source_key(relative: str) -> str:
    """A relative path as text that any database keeps, and that leads back to it."""
    if relative.isascii():
        return relative
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError:
        return _QUOTED + quote(os.fsencode(relative))
    return relative


def path_of(key: str) -> str:
    """The relative path that `source_key` made `key` of."""
    if key.startswith(_QUOTED):
        return os.fsdecode(unquote_to_bytes(key.removeprefix(_QUOTED)))
    return key


def kind_of(path: str) -> str:
    """The type of a file: its ending in lower case without the dot, `txt` where it has none."""
    found = _ENDING.search(path, path.rfind("/") + 2)
    return found[1].lower() if found else _NO_ENDING
