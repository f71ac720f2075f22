"""Polygons of any sizes as triangles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_FACES", "fans", "require_few"]

MAX_FACES = 10_000_000
"""Triangles of a mesh, at most: to work on a million takes some 1.3 GB."""

Integers = NDArray[np.int64]


def fans(corners: Sequence[int] | Integers, sizes: Sequence[int] | Integers) -> Integers:
    """Triangles (f, 3), fans about the first corner of each polygon, in order; of less than 3 none.

    Args:
        corners: numbers of vertices, polygon after polygon.
        sizes: how many corners each polygon has.
    Raises:
        ValueError: more triangles than `MAX_FACES`.
    """
    flat, counts = np.asarray(corners, np.int64), np.asarray(sizes, np.int64)
    triangles = np.maximum(counts - 2, 0)
    total = int(triangles.sum())
    require_few(total)
    first = np.repeat(np.cumsum(counts) - counts, triangles)
    step = np.arange(total) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return np.stack([flat[first], flat[first + step + 1], flat[first + step + 2]], axis=1)


def require_few(triangles: int) -> None:
    """Refuse a mesh of too many triangles.

    Raises:
        ValueError: more than `MAX_FACES`.
    """
    if triangles > MAX_FACES:
        raise ValueError(f"found {triangles} triangles, expected at most {MAX_FACES}")
