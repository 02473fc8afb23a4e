"""Texts to vectors: the six transformer layers of all-MiniLM-L6-v2 in numpy.

Here: windows of token ids in, unit vectors out. Where texts are cut into windows: `windows`.
All windows of a call lie end to end in one matrix, so that the dense layers, nearly all of the
work, are one matmul each with nothing spent on padding; only attention goes window by window.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .weights import HEAD_WIDTH, HEADS, Floats, Layer, Weights

WIDTH = HEADS * HEAD_WIDTH
_BLOCK = 1024
"""Tokens per matmul, about: more does not go faster, and memory grows with it."""
_EPSILON = np.float32(1e-12)
_GELU = np.float32((2 / np.pi) ** 0.5)


class Encoder:
    """The model. Holds no state between calls."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def encode(self, windows: Sequence[Sequence[int]]) -> Floats:
        """One unit vector of 384 per window of token ids (with their [CLS] and [SEP])."""
        vectors = np.empty((len(windows), WIDTH), dtype=np.float32)
        start = 0
        while start < len(windows):
            end, tokens = start + 1, len(windows[start])
            while end < len(windows) and tokens + len(windows[end]) <= _BLOCK:
                tokens += len(windows[end])
                end += 1
            vectors[start:end] = self._block(windows[start:end])
            start = end
        return vectors

    def _block(self, windows: Sequence[Sequence[int]]) -> Floats:
        weights = self._weights
        lengths = [len(window) for window in windows]
        bounds = np.cumsum([0, *lengths])
        ids = np.concatenate([np.asarray(window, dtype=np.intp) for window in windows])
        places = np.concatenate([np.arange(length) for length in lengths])
        state = _norm(weights.words[ids] + weights.positions[places], weights.embedding_norm)
        for layer in weights.layers:
            state = _layer(state, bounds, layer)
        means = np.add.reduceat(state, bounds[:-1], axis=0) / np.asarray(lengths)[:, None]
        unit: Floats = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return unit


def _layer(state: Floats, bounds: np.ndarray[tuple[int], np.dtype[np.intp]], at: Layer) -> Floats:
    mixed = _attend(_dense(state, at.attend), bounds)
    state = _norm(_dense(mixed, at.attended) + state, at.attended_norm)
    wide = _gelu(_dense(state, at.widen))
    return _norm(_dense(wide, at.narrow) + state, at.narrow_norm)


def _dense(state: Floats, matrix_and_bias: tuple[Floats, Floats]) -> Floats:
    out: Floats = state @ matrix_and_bias[0]
    out += matrix_and_bias[1]
    return out


def _attend(joint: Floats, bounds: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    """Self-attention inside each window; `joint` holds query, key and value side by side."""
    mixed = np.empty((len(joint), WIDTH), dtype=np.float32)
    for start, end in pairwise(bounds):
        parts = joint[start:end].reshape(end - start, 3, HEADS, HEAD_WIDTH).transpose(1, 2, 0, 3)
        query, key, value = np.ascontiguousarray(parts)
        scores = query @ key.transpose(0, 2, 1)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        # Divided after the mix: 32 columns instead of one per token.
        out = scores @ value
        out /= scores.sum(axis=-1, keepdims=True)
        mixed[start:end] = out.transpose(1, 0, 2).reshape(end - start, WIDTH)
    return mixed


def _norm(state: Floats, scale_and_shift: tuple[Floats, Floats]) -> Floats:
    state -= state.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", state, state)[:, None] / np.float32(state.shape[-1])
    state *= 1 / np.sqrt(variance + _EPSILON)
    state *= scale_and_shift[0]
    state += scale_and_shift[1]
    return state


def _gelu(x: Floats) -> Floats:
    """GELU by tanh; the exact form needs erf, which numpy lacks. They differ by < 0.0005."""
    inner = x * x
    inner *= np.float32(0.044715)
    inner += np.float32(1)
    inner *= x
    inner *= _GELU
    np.tanh(inner, out=inner)
    inner += np.float32(1)
    inner *= x
    inner *= np.float32(0.5)
    return inner
