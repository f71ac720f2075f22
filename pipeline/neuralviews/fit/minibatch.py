"""Minibatches by counting: the points of any step follow from a field's key, and from nothing else."""

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws

__all__ = ["drawn_points"]


def drawn_points(keys: NDArray[np.uint64], step: int, points: int, pool: int) -> NDArray[np.int64]:
    """Which points of a signal a step works on, with replacement.

    Point i of step t, both from 0, is ``(w >> 32) * pool >> 32``, where w is word ``t * points + i`` of
    the stream that the field's key begins (`Draws.bits`). Probabilities are equal but for a relative
    error below ``pool / 2**32`` (Lemire, "Fast random integer generation in an interval", 2019,
    section 4, without the rejection).

    Args:
        keys: (n,) uint64, one a field.
        points: how many to draw for each field, below 2**32.
        pool: how many points the signal has, below 2**32.
    Returns:
        (n, points) int64, from 0 to ``pool - 1``.
    """
    half = np.uint64(32)
    words = Draws(keys).bits(points, step * points)
    return ((words >> half) * np.uint64(pool) >> half).astype(np.int64)
