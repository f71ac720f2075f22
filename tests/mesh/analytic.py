"""Signed distances that are known exactly, and what every closed mesh must fulfil."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh

Doubles = NDArray[np.float64]
Distance = Callable[[Doubles], Doubles]
"""Of points (..., 3), negative inside."""


def ball(radius: float, centre: tuple[float, float, float] = (0, 0, 0)) -> Distance:
    return lambda p: np.linalg.norm(p - np.array(centre), axis=-1) - radius


def box(half: tuple[float, float, float], centre: tuple[float, float, float] = (0, 0, 0)) -> Distance:
    def distance(p: Doubles) -> Doubles:
        beyond = np.abs(p - np.array(centre)) - np.array(half)
        return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0)

    return distance


def torus(major: float, minor: float, centre: tuple[float, float, float] = (0, 0, 0)) -> Distance:
    """About an axis along z."""

    def distance(p: Doubles) -> Doubles:
        x, y, z = np.moveaxis(p - np.array(centre), -1, 0)
        return np.hypot(np.hypot(x, y) - major, z) - minor

    return distance


def volume(mesh: Mesh) -> float:
    """Enclosed by a closed mesh; negative if its triangles face inwards."""
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def areas(mesh: Mesh) -> Doubles:
    """Of all triangles, (f,)."""
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def require_closed(mesh: Mesh) -> None:
    """Each edge belongs to two triangles, which pass it in opposite directions; each vertex is used."""
    edges = np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)])
    forth, back = (set(map(tuple, pairs.tolist())) for pairs in (edges, edges[:, ::-1]))
    assert len(forth) == len(edges)
    assert forth == back
    np.testing.assert_array_equal(np.unique(mesh.faces), np.arange(len(mesh.vertices)))
