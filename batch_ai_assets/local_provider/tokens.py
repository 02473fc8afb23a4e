"""An answer as tokens with log probabilities, for a model that has none of its own.

The tokens are those of compact JSON: punctuation and keys as they stand, every value a token of
its own (a string without its quotes), so that their concatenation is exactly the content. What is
certain (punctuation) has log probability 0; a value has one drawn from the document's digest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from .filler import Draw, resolve
from .model import TokenLogprob


def tokens_of(
    value: Any, content: str, schema: dict[str, Any] | None, digest: bytes
) -> tuple[TokenLogprob, ...]:
    """Tokens of `content`, the compact JSON of `value` (or free text where there is no schema)."""
    draw = Draw(hashlib.sha256(b"logprob" + digest).digest())
    if schema is None:
        return (_value_token(content, [], draw),)
    return tuple(_walk(value, schema, schema, draw))


def cut_tokens(tokens: Sequence[TokenLogprob], length: int) -> tuple[TokenLogprob, ...]:
    """The tokens of the first `length` characters; the last one may be a part of a token."""
    kept: list[TokenLogprob] = []
    for token in tokens:
        if length <= 0:
            break
        kept.append(TokenLogprob(token.token[:length], token.logprob, token.top))
        length -= len(token.token)
    return tuple(kept)


def _walk(
    value: Any, schema: dict[str, Any], root: dict[str, Any], draw: Draw
) -> Iterator[TokenLogprob]:
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        opening = "{"
        for key, inner in value.items():
            yield _certain(f"{opening}{_json(key)}:")
            yield from _walk(inner, resolve(properties.get(key, {}), root), root, draw)
            opening = ","
        yield _certain("}" if value else "{}")
    elif isinstance(value, list):
        items = resolve(schema.get("items", {}), root)
        for position, inner in enumerate(value):
            yield _certain("," if position else "[")
            yield from _walk(inner, items, root, draw)
        yield _certain("]" if value else "[]")
    elif isinstance(value, str):
        others = [_json(option)[1:-1] for option in schema.get("enum", ()) if option != value]
        yield _certain('"')
        yield _value_token(_json(value)[1:-1], others, draw)
        yield _certain('"')
    else:
        yield _value_token(_json(value), [], draw)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _certain(text: str) -> TokenLogprob:
    return TokenLogprob(text, 0.0, ((text, 0.0),))


def _value_token(text: str, others: list[str], draw: Draw) -> TokenLogprob:
    probability = 0.5 + draw.below(499) / 1000
    logprob = math.log(probability)
    top = [(text, logprob)]
    left = 1 - probability
    for other in others:  # each runner-up takes half of what is left
        left /= 2
        top.append((other, math.log(left)))
    return TokenLogprob(text, logprob, tuple(top[:20]))
