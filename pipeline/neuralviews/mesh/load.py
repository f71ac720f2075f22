"""Mesh files as meshes, whatever is in them: triangles with finite corners, or one line that says why not."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from .formats import FORMATS
from .instances import instances
from .mesh import Mesh
from .normalize import near_one
from .obj import parse_obj
from .off import parse_off
from .ply_reader import parse_ply
from .polygons import MAX_FACES, require_few
from .stl import parse_stl
from .unsound import check_glb

__all__ = ["MAX_BYTES", "parse_mesh"]

MAX_BYTES = 1 << 30
"""Of a file: such a mesh would have more than `MAX_FACES`."""

Corners = NDArray[np.float64]
Faces = NDArray[np.int64]


def parse_mesh(data: bytes, suffix: str, where: str, *, points_allowed: bool = False) -> Mesh:
    """Read the bytes of a mesh file; the same bytes give the same arrays everywhere.

    Polygons are cut into fans of triangles, the parts of a scene are moved to their places and joined, and
    vertices of no face are dropped. Nothing but positions and faces is looked at; no other file is opened.

    Args:
        suffix: of its name, which decides the format: a key of `FORMATS`, in upper or lower case.
        where: what error messages call it.
        points_allowed: whether a cloud of points, without any faces, will do.
    Raises:
        SourceError: it is empty, damaged or of another format; it has no faces, or faces of vertices that
            do not exist; a coordinate is not finite; or it has no extent.
    """
    name = FORMATS[suffix.lower()]
    if not data:
        raise SourceError(f"{where}: found an empty file, expected a mesh: replace or remove it")
    if len(data) > MAX_BYTES:
        raise SourceError(f"{where}: found {len(data)} bytes, expected at most {MAX_BYTES}: make it coarser")
    try:
        with _quiet():
            vertices, faces = _READERS[name](data)
        require_few(len(faces))
        _check_range(vertices, faces)
    except Exception as error:  # parsers of damaged files raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{where}: cannot be read as {name} ({reason[:200]}); replace or remove the file, "
            "or give it the suffix of its format"
        ) from None
    try:
        return _checked(vertices, faces, points_allowed)
    except SourceError as error:
        raise SourceError(f"{where}: {error}") from None


def _checked(vertices: Corners, faces: Faces, points_allowed: bool) -> Mesh:
    if not len(vertices):
        raise SourceError("found no vertices, expected triangles: replace or remove the file")
    finite = np.isfinite(vertices).all(axis=1)
    if not finite.all():
        raise SourceError(
            f"found {np.count_nonzero(~finite)} of {len(vertices)} vertices with coordinates that are not "
            f"finite, first vertex {np.argmin(finite)}, expected numbers: export it again"
        )
    if not len(faces):
        if not points_allowed:
            raise SourceError(
                f"found {len(vertices)} points and no faces, expected triangles; "
                "a cloud of points can be fitted as unsigned distance: set shape.target = 'udf'"
            )
        if (vertices == vertices[0]).all():
            raise SourceError("found all points in one place, expected a shape: replace or remove the file")
        return Mesh(vertices, faces)
    used = np.zeros(len(vertices), np.bool_)
    used[faces] = True
    mesh = Mesh(vertices[used], np.ascontiguousarray((np.cumsum(used) - 1)[faces], np.int64))
    if not _has_area(mesh):
        raise SourceError(
            f"found {len(faces)} faces without area, expected triangles: replace or remove the file"
        )
    return mesh


def _has_area(mesh: Mesh) -> bool:
    """Whether there is a face whose corners do not lie on a line, up to rounding.

    Those that collapsed to a point, however far away, have no say in what is rounding.
    """
    points = near_one(mesh.corners[mesh.proper].reshape(-1, 3))
    a, b, c = near_one(points - points[:1]).reshape(-1, 3, 3).swapaxes(0, 1)
    one, two = b - a, c - a
    twice, edges = np.cross(one, two), np.abs(one).max(axis=1) * np.abs(two).max(axis=1)
    return bool((np.abs(twice).max(axis=1) > 1e-14 * edges).any())


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither warnings nor messages of trimesh."""
    log = logging.getLogger("trimesh")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)  # its modules have loggers of their own, which ask this one
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _read_glb(data: bytes) -> tuple[Corners, Faces]:
    from trimesh.exchange.load import mesh_loaders

    check_glb(data)
    return _joined(mesh_loaders["glb"](BytesIO(data), file_type="glb", skip_materials=True))


_READERS: Mapping[str, Callable[[bytes], tuple[Corners, Faces]]] = {
    "GLB": _read_glb,
    "OBJ": parse_obj,
    "OFF": parse_off,
    "PLY": parse_ply,
    "STL": parse_stl,
}


def _check_range(vertices: Corners, faces: Faces) -> None:
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError(
            f"found faces of vertices {faces.min()} to {faces.max()}, expected 0 to {len(vertices) - 1}"
        )


def _joined(loaded: Mapping[str, Any]) -> tuple[Corners, Faces]:
    """(vertices, triangles) of all parts that have faces, else of all points; `loaded` is by trimesh."""
    parts = list(instances(loaded))
    if any(len(part.faces) for part in parts):
        parts = [part for part in parts if len(part.faces)]
    for what in ("vertices", "faces"):  # counted before anything is copied: instances of instances multiply
        total = sum(len(getattr(part, what)) for part in parts)
        if total > MAX_FACES:
            raise ValueError(f"found {total} {what} in all its parts, expected at most {MAX_FACES}")
    all_vertices, all_faces, start = [np.empty((0, 3))], [np.empty((0, 3), np.int64)], 0
    for part in parts:
        _check_range(part.vertices, part.faces)
        all_vertices.append(part.placed())
        all_faces.append(part.faces + start)
        start += len(part.vertices)
    return np.concatenate(all_vertices), np.concatenate(all_faces)
