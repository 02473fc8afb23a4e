"""Texts cut into windows that the encoder takes, and the vectors of windows seen before.

A long text is read by its head and by a few windows spread over the rest, the end included, so
that a document of any length costs a bounded amount of work.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from .encoder import WIDTH, Encoder
from .weights import Floats

PIECES = 254
"""Word pieces per window: what the model was trained on, less [CLS] and [SEP]."""
MOST_WINDOWS = 4
_CLS, _SEP = 101, 102
_REMEMBERED = 4096
"""Vectors kept, 1.5 kB each. Texts repeat: the options and examples of a job, common passages."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text, as it stands and as token ids with [CLS] and [SEP]."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CutText:
    """A text as the model sees it. `windows` is never empty and begins with the head."""

    windows: tuple[Window, ...]
    pieces: int
    """Word pieces of the whole text."""


def cut(tokenizer: Tokenizer, text: str) -> CutText:
    """Cut a text into its head and up to three more windows, in the order of the text."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    ids: list[int] = encoding.ids
    if len(ids) <= PIECES:
        return CutText((Window(text, (_CLS, *ids, _SEP)),), len(ids))
    offsets: list[tuple[int, int]] = encoding.offsets
    windows = []
    for start in _starts(len(ids)):
        end = min(start + PIECES, len(ids))
        stretch = text[offsets[start][0] : offsets[end - 1][1]]
        windows.append(Window(stretch, (_CLS, *ids[start:end], _SEP)))
    return CutText(tuple(windows), len(ids))


def _starts(pieces: int) -> list[int]:
    count = min(MOST_WINDOWS, -(-pieces // PIECES))
    if pieces <= MOST_WINDOWS * PIECES:
        return [number * PIECES for number in range(count)]
    return [round(number * (pieces - PIECES) / (count - 1)) for number in range(count)]


class Vectors:
    """Vectors of windows; the last few thousand are remembered. For one thread."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[tuple[int, ...], Floats] = OrderedDict()

    def of(self, windows: Sequence[Window]) -> Floats:
        """One row per window. What is not known yet is encoded in one go."""
        fresh = list(dict.fromkeys(w.ids for w in windows if w.ids not in self._known))
        found = dict(zip(fresh, self._encoder.encode(fresh), strict=True)) if fresh else {}
        rows = np.empty((len(windows), WIDTH), dtype=np.float32)
        for row, window in zip(rows, windows, strict=True):
            row[:] = found[window.ids] if window.ids in found else self._recall(window.ids)
        self._known.update(found)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return rows

    def _recall(self, ids: tuple[int, ...]) -> Floats:
        self._known.move_to_end(ids)
        return self._known[ids]
