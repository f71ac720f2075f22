"""Surfaces of values on a grid, as closed meshes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..grids import axis_points
from .mesh import Mesh

__all__ = ["extract", "grid_points"]

_LEAST_DEPTH = 1e-5
"""Of the greatest depth: values nearer to the level are moved off it, and vertices by about as much."""


def grid_points(resolution: int) -> NDArray[np.float32]:
    """Points of a grid of the cube [-1, 1]^3, ends included, (resolution^3, 3) float32.

    Values at them, reshaped to (resolution, resolution, resolution), are indexed [x, y, z].
    """
    axis = axis_points(resolution)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def extract(values: NDArray[np.floating[Any]], level: float, *, inside_below: bool) -> Mesh:
    """The surface where values reach ``level``, by marching cubes with linear interpolation.

    Source: Lorensen and Cline, "Marching Cubes" (SIGGRAPH 1987), as libigl has it. The mesh is always
    closed: points on the border of the cube count as just outside, so that what reaches beyond it ends
    in a cap on its faces, and so do values that are not finite.

    Args:
        values: (r, r, r), r at least 2, indexed [x, y, z], at `grid_points`.
        inside_below: whether the inside has the values below the level, as signed distances do.
    Returns:
        Triangles in coordinates of the cube, counter-clockwise seen from outside; none if nothing is inside.
    Raises:
        OptionError: values of another shape.
    """
    resolution = len(values)
    if values.shape != (resolution,) * 3 or resolution < 2:
        raise OptionError(f"values: found shape {values.shape}, expected (r, r, r) with r at least 2")
    depth = _depths(values.astype(np.float64), level if inside_below else -level, inside_below)
    if not (depth > 0).any():
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    import igl

    points = grid_points(resolution).astype(np.float64)
    vertices, faces, _ = igl.marching_cubes(depth.reshape(-1), points, *depth.shape, 0.0)
    return Mesh(vertices, faces)


def _depths(values: NDArray[np.float64], level: float, inside_below: bool) -> NDArray[np.float64]:
    """How far values lie on the inner side of the level; never 0, negative on the border of the cube.

    A depth of 0 at a point of the grid would put several vertices there, and triangles without an area.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        depth = level - values if inside_below else values + level
    known = np.isfinite(depth)
    least = _LEAST_DEPTH * float(np.abs(depth).max(where=known, initial=0))
    depth = np.where(known, np.copysign(np.maximum(np.abs(depth), least), depth), -least)
    for axis in range(3):
        for side in (0, -1):
            border = np.moveaxis(depth, axis, 0)[side]
            np.minimum(border, -least, out=border)
    return depth
