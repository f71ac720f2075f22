"""Meshes mended as far as the sign of a distance needs it: joined, without doubles, wound alike."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .facing import seen_sides
from .mesh import Mesh
from .normalize import near_one

__all__ = ["Repairs", "repaired"]

_NO_VOLUME = 1e-9
"""A volume below this share of a cube as long as the body may be nothing but rounding errors."""

_CLEARLY = 0.1
"""One side of a body that is open is seen more than the other, of what is seen of both."""

Integers = NDArray[np.int64]


class Repairs(NamedTuple):
    """How often each step changed a mesh before it was sampled, and what no step can mend.

    Args:
        merged_vertices: vertices that were at the place of another.
        degenerate_faces: faces with two corners at one place, left out.
        duplicate_faces: faces with the corners of another, in whatever order, left out.
        flipped_faces: faces whose winding was turned.
        boundary_edges: edges of exactly one face, in the mesh as repaired.
    """

    merged_vertices: int
    degenerate_faces: int
    duplicate_faces: int
    flipped_faces: int
    boundary_edges: int


def repaired(mesh: Mesh) -> tuple[Mesh, Repairs]:
    """Join the faces of a mesh along their edges, and turn them so that they face outwards.

    Only exactly equal places are merged and no face is added, so units do not matter. Faces without
    area whose corners differ stay: they hold their neighbours together. Vertices keep their order;
    those of no face are dropped, unless there are no faces at all.
    """
    first = _first_equal(*(mesh.vertices.T + 0.0))  # -0.0 is where 0.0 is
    faces = first[mesh.faces]
    a, b, c = faces.T
    proper = faces[(a != b) & (b != c) & (c != a)]
    distinct = proper[_is_first(_first_equal(*np.sort(proper, axis=1).T))]
    used = _is_first(first)
    if len(mesh.faces):
        used = np.zeros(len(mesh.vertices), np.bool_)
        used[distinct] = True
    vertices = mesh.vertices[used] + 0.0  # what is left out, however far away, has no say in the rest
    faces, flips, boundary = _oriented(near_one(vertices), (np.cumsum(used) - 1)[distinct])
    repairs = Repairs(
        merged_vertices=int(np.count_nonzero(~_is_first(first))),
        degenerate_faces=len(mesh.faces) - len(proper),
        duplicate_faces=len(proper) - len(distinct),
        flipped_faces=flips,
        boundary_edges=boundary,
    )
    return Mesh(vertices, np.ascontiguousarray(faces, np.int64)), repairs


def _first_equal(*columns: NDArray[np.float64] | Integers) -> Integers:
    """For each row of the columns, the number of the first row that is equal to it."""
    order = np.lexsort(columns[::-1])  # stable: equal rows stay in order
    new = np.ones(len(order), np.bool_)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    first = np.empty(len(order), np.int64)
    first[order] = order[new][np.cumsum(new) - 1]
    return first


def _is_first(first: Integers) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = first == np.arange(len(first))
    return same


def _oriented(points: NDArray[np.float64], faces: Integers) -> tuple[Integers, int, int]:
    """(faces, how many of them were turned, edges of exactly one face).

    Two faces that alone share an edge are wound alike; all that hang together so are a body. A body that
    is closed is turned to a positive volume, also if it was meant as the wall of a cavity: what lies
    within it is inside. Of one that is open, or encloses nothing, the side that is seen more is outside; if
    there is little between them, it keeps the winding of most of its faces.
    """
    from .repair_kernel import compiled_union

    ends = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    forward = ends[:, 0] < ends[:, 1]
    edge = _first_equal(*np.sort(ends, axis=1).T)
    order = np.argsort(edge, kind="stable")
    starts = np.flatnonzero(_is_first(edge)[order])
    counts = np.diff(starts, append=len(order))
    one, two = order[starts[counts == 2]], order[starts[counts == 2] + 1]
    links = np.stack([one // 3, two // 3], axis=1)
    body, turn = compiled_union()(len(faces), links, forward[one] == forward[two])
    turn ^= _against_outside(points, faces, body, turn, edge, forward)[body]
    faces = np.where(turn[:, None], faces[:, ::-1], faces)
    return faces, int(np.count_nonzero(turn)), int(np.count_nonzero(counts == 1))


def _against_outside(
    points: NDArray[np.float64],
    faces: Integers,
    body: Integers,
    turn: NDArray[np.bool_],
    edge: Integers,
    forward: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(f,), at the number of each body: whether it faces inwards once ``turn`` is heeded."""
    count = len(faces)
    inwards = 2 * np.bincount(body[turn], minlength=count) > np.bincount(body, minlength=count)
    origin = points[faces[body, 0]]
    a, b, c = ((points[corner] - origin).T for corner in faces.T)
    terms = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    volume = np.bincount(body, np.where(turn, -terms, terms), count)  # adds one by one, in order
    reach = np.zeros(count)
    np.maximum.at(reach, body, np.abs([a, b, c]).max(axis=(0, 1)))
    sure = _closed(body, turn, edge, forward) & (np.abs(volume) > _NO_VOLUME * (reach * reach * reach))
    if sure[body].all():
        return volume < 0
    used, numbers = np.unique(faces, return_inverse=True)  # what no face has would widen the picture
    front, back = seen_sides(Mesh(points[used], numbers.reshape(faces.shape)))
    front, back = np.where(turn, [back, front], [front, back])
    of_body = [np.bincount(body, side, count) for side in (front, back)]
    clear = np.abs(of_body[0] - of_body[1]) > _CLEARLY * (of_body[0] + of_body[1])
    return np.where(sure, volume < 0, np.where(clear, of_body[0] < of_body[1], inwards))


def _closed(
    body: Integers, turn: NDArray[np.bool_], edge: Integers, forward: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(f,), at the number of each body: whether its faces pass every edge as often in either direction.

    That is what makes a volume independent of the origin.
    """
    of_edge = np.repeat(body, 3)
    passed = np.where(forward ^ np.repeat(turn, 3), 1, -1)
    group = _first_equal(edge, of_edge)
    closed = np.ones(len(body), np.bool_)
    closed[of_edge[np.bincount(group, passed, len(group)) != 0]] = False
    return closed
