"""Points drawn on a surface, around it, and in the cube [-1, 1]^3 that fields of shapes live on."""

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws
from ..errors import SourceError
from .mesh import Mesh, cross

__all__ = ["near_surface", "on_surface", "uniform"]

Doubles = NDArray[np.float64]


def on_surface(mesh: Mesh, count: int, draws: Draws) -> Doubles:
    """Points (count, 3) float64, uniform on the triangles, or without any uniform among the vertices.

    A triangle is drawn by its area; in it the square root of the first number makes the density even
    (Osada et al., "Shape distributions", 2002, section 4.2). The first points are those of a smaller count.

    Args:
        draws: one stream.
    Raises:
        SourceError: nothing to draw from, or triangles without any area.
    """
    if not len(mesh.vertices):
        raise SourceError("mesh: found no vertices, expected a surface to draw points on")
    if not len(mesh.faces):
        cloud: Doubles = mesh.vertices[draws.integers(0, len(mesh.vertices) - 1, count)[0]]
        return cloud
    a, b, c = (mesh.vertices[corner] for corner in mesh.faces.T)
    area = np.cumsum(_area(b - a, c - a))  # adds one by one, in order
    if not 0 < area[-1] < np.inf:
        raise SourceError(f"mesh: found a surface of area {area[-1]:g}, expected one to draw points on")
    which, first, second = draws.uniform(3 * count).reshape(count, 3).T
    last = np.searchsorted(area, area[-1])  # that has an area: the product below may round up to the whole
    face = np.minimum(np.searchsorted(area, which * area[-1], side="right"), last)
    root = np.sqrt(first)
    weights = (1 - root, root * (1 - second), root * second)
    x, y, z = (weight[:, None] * corner[face] for weight, corner in zip(weights, (a, b, c), strict=True))
    points: Doubles = x + y + z
    return points


def near_surface(mesh: Mesh, sigma: float, count: int, draws: Draws) -> NDArray[np.float32]:
    """Points (count, 3) float32 of the surface, moved by normal draws.

    What leaves the cube is folded back at its faces, as by mirrors: the density at the faces stays smooth,
    where cutting would pile points up on them.

    Args:
        sigma: standard deviation of each coordinate.
        draws: one stream.
    Raises:
        SourceError: see `on_surface`.
    """
    moves = draws.child(1).normal(3 * count).reshape(count, 3)
    return _folded(on_surface(mesh, count, draws.child(0)) + sigma * moves).astype(np.float32)


def uniform(count: int, draws: Draws) -> NDArray[np.float32]:
    """Points (count, 3) float32, uniform in the cube; ``draws`` is one stream."""
    return draws.centred(3 * count).reshape(count, 3).astype(np.float32)


def _area(one: Doubles, other: Doubles) -> Doubles:
    """Twice the areas (f,) of triangles with these edges (f, 3) each."""
    x, y, z = cross(one, other).T
    area: Doubles = np.sqrt(x * x + y * y + z * z)
    return area


def _folded(x: Doubles) -> Doubles:
    """Coordinates mirrored at -1 and 1 until they are between; those that are between stay as they are."""
    return np.where(np.abs(x) <= 1, x, 1 - np.abs(np.mod(x + 1, 4) - 2))
