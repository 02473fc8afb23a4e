"""The licence family that a package's metadata name, where they name exactly one.

Only metadata are read here, never the licence's text: the answer serves as the truth that a model
which reads the text is judged by.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata

_BY_SPDX = {
    "MIT": "mit",
    "MIT-0": "mit",
    "BSD-2-CLAUSE": "bsd",
    "BSD-3-CLAUSE": "bsd",
    "APACHE-2.0": "apache",
    "ISC": "isc",
    "MPL-2.0": "mpl",
    "PSF-2.0": "psf",
    "PYTHON-2.0": "psf",
    "PYTHON-2.0.1": "psf",
    "ZLIB": "zlib",
    "UNLICENSE": "public_domain",
    "CC0-1.0": "public_domain",
}
_BY_SPDX_START = {"LGPL-": "lgpl", "GPL-": "gpl", "AGPL-": "gpl"}

_BY_PROSE = {
    "mit": r"\bmit\b(?!-cmu)",
    "bsd": r"\bbsd\b",
    "apache": r"\bapache\b",
    "isc": r"\biscl?\b",
    "mpl": r"\bmpl\b|mozilla public",
    "lgpl": r"\blgpl|(lesser|library) general public",
    "gpl": r"\ba?gpl|(?<!lesser )(?<!library )general public",
    "psf": r"\bpsf|python software foundation",
    "zlib": r"\bzlib\b",
    "public_domain": r"public domain|\bunlicense|\bcc0",
}
_SHORT = 100
"""Characters. A longer `License` field holds the licence's text, which is not to be looked at."""


def family(metadata: PackageMetadata) -> str | None:
    """The one family that the metadata name, or None where they name none or several.

    `License-Expression` decides where there is one; an SPDX identifier that has no family of its
    own is `other`. Else the licence classifiers and a short `License` field are taken together.
    """
    expression = _first(metadata, "License-Expression")
    if expression:
        named = _of_expression(expression)
    else:
        named = _of_prose(_first(metadata, "License"))
        for classifier in metadata.get_all("Classifier") or ():
            if str(classifier).startswith("License ::"):
                named |= _of_prose(str(classifier))
    return named.pop() if len(named) == 1 else None


def _of_expression(expression: str) -> set[str]:
    without_exceptions = re.sub(r"\bWITH\s+[\w.-]+", " ", expression, flags=re.IGNORECASE)
    words = re.findall(r"[\w.+-]+", without_exceptions.upper())
    return {_of_identifier(word) for word in words if word not in ("AND", "OR")}


def _of_identifier(identifier: str) -> str:
    for start, name in _BY_SPDX_START.items():
        if identifier.startswith(start):
            return name
    return _BY_SPDX.get(identifier, "other")


def _of_prose(text: str) -> set[str]:
    if len(text) > _SHORT:
        return set()
    return {name for name, words in _BY_PROSE.items() if re.search(words, text, re.IGNORECASE)}


def _first(metadata: PackageMetadata, field: str) -> str:
    values = metadata.get_all(field) or [""]
    return str(values[0]).strip()
