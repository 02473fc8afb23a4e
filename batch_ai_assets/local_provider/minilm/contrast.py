"""Vectors seen through the differences that count for one choice.

All texts of a job have much in common, and the examples of one option differ in ways that do not
matter. So the common part is taken away, and directions in which texts of the same option spread
are shortened (linear discriminant analysis: R. A. Fisher, 1936; with the spread shrunk towards one
that is alike in all directions, since a few examples show little of it: O. Ledoit and M. Wolf,
2004).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .weights import Floats

SHRINKAGE = 0.9
"""How much less than their word the examples are taken at, from 0 to 1."""


class Contrast:
    """Turns vectors; made once per choice, from what stands for its options."""

    def __init__(self, known: Floats, places: NDArray[np.intp], options: int) -> None:
        """`known`: unit vectors of the options and their examples; `places`: which option each
        stands for. Where no option has two, nothing shows what does not count, and vectors stay
        as they are.
        """
        self._common = known.mean(axis=0)
        counts = np.bincount(places, minlength=options)
        sums = np.zeros((options, known.shape[1]), dtype=np.float32)
        np.add.at(sums, places, known)
        means = sums / np.maximum(counts, 1).astype(np.float32)[:, None]
        apart = known - means[places]
        self._turn = _inverse_root(apart.T @ apart)

    def __call__(self, vectors: Floats) -> Floats:
        """Unit vectors again, one per row."""
        if self._turn is None:
            return vectors
        turned = (vectors - self._common) @ self._turn
        return unit(turned)


def unit(vectors: Floats) -> Floats:
    """Each row at length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(lengths, np.float32(1e-9))).astype(np.float32)
    return scaled


def _inverse_root(spread: Floats) -> Floats | None:
    """What makes the shrunk spread alike in all directions; None where there is no spread."""
    width = len(spread)
    alike = np.trace(spread) / width
    if alike <= 0:
        return None
    shrunk = (1 - SHRINKAGE) * spread + SHRINKAGE * alike * np.eye(width, dtype=np.float32)
    squares, directions = np.linalg.eigh(shrunk)
    root: Floats = ((directions / np.sqrt(squares)) @ directions.T).astype(np.float32)
    return root
