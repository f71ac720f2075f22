"""How far points are from a mesh, and whether they are inside it, however badly it is made.

The sign comes from the winding number alone, which stands holes, overlaps and open edges; the magnitude from
the nearest point of the surface. (libigl's own signed distance by fast winding numbers multiplies the two.)
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from .mesh import Mesh

__all__ = ["inside", "signed_distance", "unsigned_distance"]

Points = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]

_PIECE = 0.1
"""Longest edge, over that of the bounding box, of the triangles whose windings are summed."""

_MOST_PIECES = 1 << 18
"""Triangles are not cut into more than that: cutting pays while it leaves little to look through."""


def unsigned_distance(mesh: Mesh, points: Points) -> Doubles:
    """Distance (n,) float64 of points (n, 3) from the nearest triangle, or if there is none, vertex.

    libigl may miss a triangle whose height is below 1e-13 of its length; its neighbours share the long edge.

    Raises:
        SourceError: a distance that cannot be worked out.
    """
    places = np.ascontiguousarray(points, np.float64)
    if len(mesh.faces):
        igl = _igl()
        unsigned = igl.SIGNED_DISTANCE_TYPE_UNSIGNED
        return _finite("distances", lambda: igl.signed_distance(places, *_arrays(mesh), unsigned)[0])
    from scipy.spatial import cKDTree

    return _finite("distances", lambda: cKDTree(mesh.vertices).query(places)[0])


def inside(mesh: Mesh, points: Points) -> NDArray[np.bool_]:
    """Whether points (n, 3) are inside a mesh: (n,) bool, the winding number there is beyond 1/2 either way.

    It is approximated within about 0.01 (Barill et al., "Fast winding numbers for soups and clouds", SIGGRAPH
    2018). That is the faster, the smaller the triangles are, so long ones are cut first; where thousands of
    long ones cross each other, as in no real mesh that was tried, cutting makes it slower.

    Raises:
        SourceError: a mesh without triangles, or a winding number that cannot be worked out.
    """
    if not len(mesh.faces):
        raise SourceError(
            f"mesh: found {len(mesh.vertices)} points and no triangles, which have no inside: "
            "set shape.target = 'udf'"
        )
    igl, places = _igl(), np.ascontiguousarray(points, np.float64)
    corners = _cut(mesh.corners, _PIECE * float(np.ptp(mesh.vertices, axis=0).max()))
    vertices, faces = corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3)
    winding = _finite("winding numbers", lambda: igl.fast_winding_number(vertices, faces, places))
    return np.abs(winding) > 0.5


def signed_distance(mesh: Mesh, points: Points) -> Doubles:
    """Distance (n,) float64 of points (n, 3) from the surface, negative inside.

    Raises:
        SourceError: see `inside`.
    """
    distance = unsigned_distance(mesh, points)
    return np.where(inside(mesh, points), -distance, distance)


def _cut(corners: Doubles, longest: float) -> Doubles:
    """Halve triangles (f, 3, 3) at edges above ``longest`` until there are none, or too many triangles."""
    done = []
    while len(corners):
        edges = corners[:, [1, 2, 0]] - corners
        squares = (
            edges[..., 0] * edges[..., 0] + edges[..., 1] * edges[..., 1] + edges[..., 2] * edges[..., 2]
        )
        long = squares.max(axis=1) > longest * longest
        done.append(corners[~long])
        corners, at = corners[long], squares[long].argmax(axis=1)
        if sum(map(len, done)) + 2 * len(corners) > _MOST_PIECES:
            done.append(corners)
            break
        a, b, c = (corners[np.arange(len(at)), (at + k) % 3] for k in range(3))
        middle = (a + b) / 2
        corners = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    return np.concatenate(done)


def _arrays(mesh: Mesh) -> tuple[Doubles, NDArray[np.int64]]:
    return np.ascontiguousarray(mesh.vertices, np.float64), np.ascontiguousarray(mesh.faces, np.int64)


def _igl() -> Any:
    """libigl, in one thread unless the environment says otherwise: meshes are worked on in parallel.

    It looks at the environment when it first starts threads. No result depends on their number.
    """
    os.environ.setdefault("IGL_NUM_THREADS", "1")
    import igl

    return igl


def _finite(what: str, work_out: Callable[[], Doubles]) -> Doubles:
    try:
        found = work_out()
    except Exception as error:
        raise SourceError(f"mesh: {what} cannot be worked out: {' '.join(str(error).split())}") from None
    bad = int(np.count_nonzero(~np.isfinite(found)))
    if bad:
        raise SourceError(
            f"mesh: found {bad} of {len(found)} {what} that are not finite numbers: leave it out"
        )
    return found
