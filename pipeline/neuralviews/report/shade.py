"""Pictures of surfaces, drawn without a display: parallel lines of sight, light on both sides, contours."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..mesh.mesh import Mesh
from ..mesh.raster import Raster, project, rasterize

__all__ = ["AXES", "CUBE_EXTENT", "extent_of", "shade"]

Floats = NDArray[np.float64]


def _axes_seen_from(azimuth: float, elevation: float) -> Floats:
    """Right, up and towards the viewer, rows of (3, 3), for a viewer at these angles in degrees; z is up."""
    a, e = np.radians(azimuth), np.radians(elevation)
    toward = (np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e))
    up = (-np.sin(e) * np.cos(a), -np.sin(e) * np.sin(a), np.cos(e))
    return np.array([(-np.sin(a), np.cos(a), 0.0), up, toward])


AXES = _axes_seen_from(azimuth=-60, elevation=28)
"""The one direction from which shapes are seen: three-quarter, from above."""
CUBE_EXTENT = float(np.abs(AXES[:2]).sum(axis=1).max())
"""Half the side of the smallest picture that shows all of the cube [-1, 1]^3."""

_OVERSAMPLED = 4
_LIGHT = np.array([-0.45, 0.75, 0.75]) / np.linalg.norm([-0.45, 0.75, 0.75])  # right, up, towards the viewer
_COLOUR = np.array([0.83, 0.86, 0.91])
_AMBIENT, _DIFFUSE = 0.33, 0.74
_HOLLOW, _HOLLOW_REACH = 2.2, 0.055  # darkness a unit of depth; of the picture's side
_CONTOUR, _CONTOUR_JUMP = 0.45, 0.12  # how dark; least step in depth, of the extent
_MARGIN = 1.04
_DOT = 0.012  # half the side of a point's square, of the extent


def extent_of(mesh: Mesh) -> float:
    """Half the side of a picture that shows all of a mesh with a small margin, at most `CUBE_EXTENT`."""
    if not len(mesh.vertices):
        return CUBE_EXTENT
    reach = max(float(np.abs(project(mesh.vertices, axis)).max()) for axis in AXES[:2])
    return min(_MARGIN * reach, CUBE_EXTENT)


def shade(mesh: Mesh, size: int, extent: float = CUBE_EXTENT) -> NDArray[np.float32]:
    """Draw a mesh as (size, size, 3) float32 in [0, 1] on white, the same bytes every time.

    Each triangle is flat and lit the same from both sides, since windings of real meshes are not to be
    trusted. What lies deeper than its surroundings is darkened (Luft, Colditz, Deussen, "Image enhancement
    by unsharp masking the depth buffer", SIGGRAPH 2006), and steps in depth are outlined.

    Args:
        mesh: of a cloud of points, each is a small square; what lies outside the picture is cut off.
        size: pixels a side.
        extent: the picture shows [-extent, extent]^2 of coordinates right and up, around the origin.
    """
    fine = size * _OVERSAMPLED
    if not len(mesh.faces):
        mesh = _squares(mesh.vertices, _DOT * extent)
    raster = rasterize(mesh, AXES, fine, extent)
    hit = raster.face >= 0
    light = _light(mesh, raster, hit)
    light -= _HOLLOW * np.clip(_hollow(raster.depth, hit, max(1, round(fine * _HOLLOW_REACH))), 0, 0.2)
    light[_outlined(raster.depth, hit, _CONTOUR_JUMP * extent)] *= 1 - _CONTOUR
    fine_picture = np.where(hit[..., None], np.clip(light[..., None] * _COLOUR, 0, 1), 1.0)
    blocks = fine_picture.reshape(size, _OVERSAMPLED, size, _OVERSAMPLED, 3)
    return cast(NDArray[np.float32], blocks.mean(axis=(1, 3)).astype(np.float32))


def _squares(points: Floats, half: float) -> Mesh:
    """A square around each point, square to the line of sight."""
    sides = half * np.array([AXES[0] + AXES[1], AXES[1] - AXES[0], -AXES[0] - AXES[1], AXES[0] - AXES[1]])
    first = 4 * np.arange(len(points))[:, None]
    faces = np.concatenate([first + np.array(corners) for corners in ((0, 1, 2), (0, 2, 3))])
    return Mesh((points[:, None] + sides).reshape(-1, 3), faces)


def _light(mesh: Mesh, raster: Raster, hit: NDArray[np.bool_]) -> Floats:
    """How bright the triangle at each pixel is, by its normal turned to the viewer; 0 on the background."""
    a, b, c = (mesh.vertices[corner] for corner in mesh.faces.T)
    normals = np.cross(b - a, c - a)
    right, up, toward = (project(normals, axis) for axis in AXES)
    sign = np.where(toward < 0, -1.0, 1.0)
    length = np.maximum(np.sqrt(right * right + up * up + toward * toward), 1e-300)
    facing = sign * (right * _LIGHT[0] + up * _LIGHT[1] + toward * _LIGHT[2]) / length
    of_face = _AMBIENT + _DIFFUSE * (0.5 + 0.5 * facing)
    light = np.zeros(hit.shape)
    light[hit] = of_face[raster.face[hit]]
    return light


def _hollow(depth: Floats, hit: NDArray[np.bool_], reach: int) -> Floats:
    """How much farther each pixel's surface is than the surfaces around it are on average."""
    weights = hit.astype(np.float64)
    total = _box_sums(np.where(hit, depth, 0.0), reach)
    around = total / np.maximum(_box_sums(weights, reach), 1.0)
    return np.where(hit, around - np.where(hit, depth, 0.0), 0.0)


def _box_sums(values: Floats, reach: int) -> Floats:
    """Sums over the square of 2 * reach + 1 pixels around each, smaller at the border."""
    for axis in (0, 1):
        values = np.moveaxis(values, axis, 0)
        sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        place = np.arange(len(values))
        values = sums[np.minimum(place + reach + 1, len(values))] - sums[np.maximum(place - reach, 0)]
        values = np.moveaxis(values, 0, axis)
    return values


def _outlined(depth: Floats, hit: NDArray[np.bool_], jump: float) -> NDArray[np.bool_]:
    """Pixels of a surface beside what is farther by ``jump`` or more, or beside the background."""
    known = np.where(hit, depth, -1e9)
    outlined = np.zeros_like(hit)
    for axis in (0, 1):
        near, far = np.moveaxis(known, axis, 0), np.moveaxis(outlined, axis, 0)
        step = near[1:] - near[:-1]
        far[1:] |= step > jump
        far[:-1] |= step < -jump
    return outlined & hit
