"""Limits as a provider tells them in the headers of an answer. Pure.

OpenAI and those who follow it: `x-ratelimit-limit-requests`, `x-ratelimit-limit-tokens`, and how
long until the limit is whole again. Anthropic: `anthropic-ratelimit-requests-limit`, tokens sent
and answered apart. All of them count a minute, but for providers that count a day in the same
words: their limits take longer than a minute to be whole again, and are not taken for limits of a
minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from ..state.send_slots import Dimension

_NAMES: Mapping[Dimension, tuple[str, ...]] = {
    Dimension.REQUESTS: ("x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"),
    Dimension.TOKENS: ("x-ratelimit-limit-tokens",),
    Dimension.TOKENS_IN: ("anthropic-ratelimit-input-tokens-limit",),
    Dimension.TOKENS_OUT: ("anthropic-ratelimit-output-tokens-limit",),
}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LONGEST_MINUTE = 61.0


def told_limits(headers: Mapping[str, str]) -> dict[Dimension, float]:
    """Units per second, of the dimensions whose limits the headers tell.

    `headers`: names in any case, as the transport's mapping finds them.
    """
    found = {}
    for dimension, names in _NAMES.items():
        for name in names:
            limit = _number(headers.get(name))
            if limit is not None and _counts_a_minute(headers, name):
                found[dimension] = limit / 60.0
    return found


def _counts_a_minute(headers: Mapping[str, str], name: str) -> bool:
    if "-limit-" not in name:
        return True
    reset = _seconds(headers.get(name.replace("-limit-", "-reset-"), ""))
    return reset is None or reset <= _LONGEST_MINUTE


def _number(text: str | None) -> float | None:
    """A limit that can be kept to; None for anything else."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 1.0 else None


def _seconds(text: str) -> float | None:
    """`6m0s`, `20ms`, `2m59.56s`, or seconds as a number; None where it is none of these."""
    if (number := _number(text)) is not None:
        return number
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True))
