"""Triangles drawn from a direction: at each pixel the nearest of them, and how near it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .mesh import Mesh

__all__ = ["Raster", "project", "rasterize"]

REACH = 1 << 28
"""Corners may be so many steps of a pixel from the middle: products of two differences fit 64 bits."""


@dataclass(frozen=True, eq=False)
class Raster:
    """What is seen of a mesh along parallel lines through the centres of pixels, row 0 on top.

    Args:
        depth: (size, size) float64, coordinate of the nearest surface towards the viewer; -inf where
            there is none.
        face: (size, size) int64, the triangle there, the first of those that are equally near; -1 where
            there is none.
    """

    depth: NDArray[np.float64]
    face: NDArray[np.int64]


def project(points: NDArray[np.float64], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) coordinates of points (n, 3) along ``axis`` (3,), summed in order: the same bits anywhere."""
    along: NDArray[np.float64] = points[:, 0] * axis[0] + points[:, 1] * axis[1] + points[:, 2] * axis[2]
    return along


def rasterize(mesh: Mesh, axes: NDArray[np.float64], size: int, extent: float) -> Raster:
    """Draw triangles, both sides of each, by an orthographic z-buffer.

    Corners are rounded to 1/4096 of a pixel and coverage is decided by whole numbers (Pineda, "A parallel
    algorithm for polygon rasterization", SIGGRAPH 1988). A pixel whose centre is on an edge is of one of
    the triangles that share it, so that a line through a closed surface never slips between triangles.

    Args:
        axes: (3, 3) float64, rows right, up and towards the viewer: orthonormal, or else the picture is
            sheared and depths are coordinates along the last row.
        size: pixels along each edge of the picture.
        extent: the picture is the square [-extent, extent]^2 of coordinates right and up.
    Raises:
        OptionError: the mesh reaches so far out of the picture that 64 bits cannot hold it.
    """
    from .raster_kernel import SUBPIXEL, compiled_raster

    steps = size * SUBPIXEL / (2 * extent)
    right, up, toward = (project(mesh.vertices, axis) for axis in axes)
    across, along = np.rint(right * steps), np.rint(up * steps)
    farthest = max((float(np.abs(x).max()) for x in (across, along) if x.size), default=0.0)
    if not farthest <= REACH:
        raise OptionError(
            f"extent: found {extent:g} for a mesh that reaches {farthest / steps:.3g} from the middle, "
            f"expected {farthest / REACH * extent:.3g} or more: draw more of it, or scale it"
        )
    middle = size * SUBPIXEL // 2
    raster = Raster(np.full((size, size), -np.inf), np.full((size, size), -1, np.int64))
    across, along = (x.astype(np.int64) + middle for x in (across, along))
    compiled_raster()(across, along, toward, mesh.faces, raster.depth, raster.face)
    return raster
