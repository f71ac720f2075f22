"""A triangle mesh as two arrays, the one form in which shapes are handed around."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mesh", "cross"]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in space, or with no triangles a cloud of points.

    Args:
        vertices: (v, 3) float64, finite, C-contiguous.
        faces: (f, 3) int64, indices of vertices, counter-clockwise seen from outside, C-contiguous.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]

    @property
    def corners(self) -> NDArray[np.float64]:
        """(f, 3, 3): the three points of every triangle."""
        return self.vertices[self.faces]

    @property
    def proper(self) -> NDArray[np.bool_]:
        """(f,): which triangles have three different corners."""
        a, b, c = self.corners.swapaxes(0, 1)
        different: NDArray[np.bool_] = (a != b).any(axis=1) & (b != c).any(axis=1) & (c != a).any(axis=1)
        return different


def cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cross products (n, 3) of vectors (n, 3), term by term: the same bits anywhere."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)
