"""A triangle mesh as two arrays, the one form in which shapes are handed around."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mesh"]


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
