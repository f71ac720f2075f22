"""Which side of a surface is looked at from outside, where no volume tells."""

import numpy as np
from numpy.typing import NDArray

from .mesh import Mesh, cross
from .raster import project, rasterize
from .visibility import DIRECTIONS, view_axes

__all__ = ["seen_sides"]

Doubles = NDArray[np.float64]

_PIXELS = 256
_FLATTEST = 0.1
"""Least cosine between a normal and the view: of a triangle at a flatter angle, a pixel is no sample."""

_BESIDE = 1e-4
"""Of the extent of a picture: what is no farther behind the nearest surface lies on it, and is seen too."""


def seen_sides(mesh: Mesh) -> tuple[Doubles, Doubles]:
    """How much of the front of each triangle is seen, and of its back: (f,) float64 each, in units of area.

    A surface with an inside shows more of the side that faces outwards: these are the votes of Takayama et
    al., "A simple method for correcting facet orientations in polygon meshes based on ray casting" (JCGT
    2014), from 26 directions and by depth maps instead of rays, each triangle sampled at the pixel of its
    middle. Triangles that lie on each other are all seen.
    """
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    placed = Mesh(mesh.vertices - middle, mesh.faces)
    extent = 2.125 * float(np.abs(placed.vertices).max())  # a sheared coordinate is at most twice as far out
    a, b, c = (placed.vertices[corner] for corner in mesh.faces.T)
    centre, normal = (a + b + c) / 3, cross(b - a, c - a)
    least = _FLATTEST * np.sqrt(project(normal * normal, np.ones(3)))
    sides = np.zeros((2, len(mesh.faces)))
    for direction in DIRECTIONS:
        axes = view_axes(direction).astype(np.float64)
        toward = project(normal, axes[2]) / np.sqrt(np.count_nonzero(direction))
        depth = rasterize(placed, axes, _PIXELS, extent).depth
        places = [project(centre, axis) for axis in axes]
        edges = (np.stack([project(edge, axis) for axis in axes], axis=1) for edge in (b - a, c - a))
        slope = cross(*edges)
        column, row = (np.floor((x / extent + 1) * (_PIXELS / 2)) for x in places[:2])
        right, up = (((x + 0.5) * (2 / _PIXELS) - 1) * extent for x in (column, row))
        with np.errstate(divide="ignore", invalid="ignore"):  # edge on: not seen anyway
            rise = (slope[:, 0] * (right - places[0]) + slope[:, 1] * (up - places[1])) / slope[:, 2]
        nearest = depth[_PIXELS - 1 - row.astype(np.int64), column.astype(np.int64)]
        seen = (np.abs(toward) > least) & (places[2] - rise >= nearest - _BESIDE * extent)
        sides[0] += np.where(seen & (toward > 0), toward, 0)
        sides[1] -= np.where(seen & (toward < 0), toward, 0)
    return sides[0], sides[1]
