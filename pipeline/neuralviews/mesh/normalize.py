"""Meshes of any units, centred and scaled into the domain of fields."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .mesh import Mesh

__all__ = ["near_one", "normalized"]


def near_one(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 3) scaled by a power of two, so without rounding, to coordinates of at most 1.

    The largest one becomes at least 1/2. Products of coordinates then neither overflow nor vanish,
    whatever the units were.
    """
    _, exponent = np.frexp(np.abs(vertices).max(initial=0.0))
    scaled: NDArray[np.float64] = np.ldexp(np.ldexp(vertices, -(exponent // 2)), -(exponent - exponent // 2))
    return scaled


def normalized(mesh: Mesh, how: Literal["cube", "sphere"], size: float) -> Mesh:
    """The mesh with the centre of its bounding box at 0, scaled alike along all axes.

    What counts are the vertices of faces with three different corners, of clouds all: faces that collapsed
    to a point, at the origin say, are no part of the shape. No coordinate that counts exceeds ``size``,
    not even by rounding. Only operations whose bits IEEE 754 fixes.

    Args:
        mesh: not all of it may be in one point.
        how: ``cube`` scales the longest half edge of the bounding box to ``size``, ``sphere`` the
            distance of the farthest vertex.
    """
    vertices, counts = near_one(mesh.vertices), _shown(mesh)
    vertices = vertices - (vertices[counts].min(axis=0) + vertices[counts].max(axis=0)) / 2
    vertices = vertices / np.abs(vertices[counts]).max()
    if how == "sphere":
        x, y, z = vertices[counts].T
        vertices = vertices / np.sqrt(x * x + y * y + z * z).max()
    return Mesh(vertices * size, mesh.faces)


def _shown(mesh: Mesh) -> NDArray[np.bool_]:
    """(v,): which vertices are corners of faces with three different ones; all if there are no such faces."""
    proper = mesh.proper
    shown = np.full(len(mesh.vertices), not proper.any())
    shown[mesh.faces[proper]] = True
    return shown
