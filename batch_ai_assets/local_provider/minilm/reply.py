"""The answer as JSON text, token by token, with log probabilities.

Each picked value is a token of its own, so that its probability can be read off; everything else
is fixed by the schema and certain.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from ..model import TokenLogprob
from .chooser import Picked
from .form import Confidence, Form

_LEAST = 1e-9


def write(
    form: Form, picked: Sequence[Mapping[str, Picked]], ids: Sequence[str], top: int
) -> tuple[TokenLogprob, ...]:
    """Tokens whose concatenation is the answer. `picked`: by field name, one per document.

    `top`: how many options to list at each place. `ids` are used where the form holds several.
    """
    tokens = _Tokens(top)
    if not form.several:
        _write_object(tokens, form, picked[0], "{")
        tokens.certain("}")
        return tokens.finished()
    tokens.certain('{"answers":[')
    for number, (one, item) in enumerate(zip(picked, ids, strict=True)):
        tokens.certain("," if number else "")
        _write_object(tokens, form, one, f'{{"id":{_quoted(item)},')
        tokens.certain("}")
    tokens.certain("]}")
    return tokens.finished()


def _write_object(tokens: _Tokens, form: Form, picked: Mapping[str, Picked], opening: str) -> None:
    tokens.certain(opening)
    for number, field in enumerate(form.fields):
        tokens.certain(f"{',' if number else ''}{_quoted(field.name)}:")
        if isinstance(field, Confidence):
            sure = picked[field.of] if field.of else min(picked.values(), key=_probability)
            tokens.certain(f"{_probability(sure):.4f}")
        else:
            tokens.certain('"')
            tokens.chosen(picked[field.name])
            tokens.certain('"')


class _Tokens:
    """Tokens so far; certain text grows together until the next choice."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._done: list[TokenLogprob] = []
        self._certain = ""

    def certain(self, text: str) -> None:
        self._certain += text

    def chosen(self, picked: Picked) -> None:
        self._close()
        order = picked.probabilities.argsort(kind="stable")[::-1][: max(self._top, 1)]
        options = [
            (
                _quoted(picked.choice.options[place].value)[1:-1],
                math.log(max(float(picked.probabilities[place]), _LEAST)),
            )
            for place in order
        ]
        token, logprob = options[0]
        self._done.append(TokenLogprob(token, logprob, tuple(options[: self._top])))

    def finished(self) -> tuple[TokenLogprob, ...]:
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        if self._certain:
            top = ((self._certain, 0.0),) if self._top else ()
            self._done.append(TokenLogprob(self._certain, 0.0, top))
        self._certain = ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _probability(picked: Picked) -> float:
    return picked.probability
