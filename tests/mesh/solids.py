"""Closed surfaces whose inside is known, and the ways in which meshes are broken."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import trimesh
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh

Inside = Callable[[NDArray[np.float64]], NDArray[np.bool_]]
Damage = Callable[[Mesh, np.random.Generator], Mesh]


class Solid(NamedTuple):
    """A body within [-0.9, 0.9]^3 whose ``parts``, closed and wound outwards, may overlap."""

    name: str
    mesh: Mesh
    parts: tuple[NDArray[np.int64], ...]
    """The numbers of the faces of each part."""


def as_mesh(made: trimesh.Trimesh) -> Mesh:
    return Mesh(np.array(made.vertices, np.float64), np.array(made.faces, np.int64))


def sphere(subdivisions: int = 4, radius: float = 1.0) -> Mesh:
    return as_mesh(trimesh.creation.icosphere(subdivisions, radius))


def box(low: tuple[float, float, float], high: tuple[float, float, float], halvings: int = 4) -> Mesh:
    """A box whose sides are cut into 2 * 4**halvings triangles each."""
    made = trimesh.creation.box(bounds=[low, high])
    for _ in range(halvings):
        made = made.subdivide()
    return as_mesh(made)


def torus() -> Mesh:
    return as_mesh(trimesh.creation.torus(0.6, 0.25, major_sections=64, minor_sections=32))


def joined(name: str, *parts: Mesh) -> Solid:
    """Parts one after the other, none of them merged."""
    vertices, faces, numbers, corners, count = [], [], [], 0, 0
    for part in parts:
        vertices.append(part.vertices)
        faces.append(part.faces + corners)
        numbers.append(np.arange(count, count + len(part.faces)))
        corners, count = corners + len(part.vertices), count + len(part.faces)
    return Solid(name, Mesh(np.concatenate(vertices), np.concatenate(faces)), tuple(numbers))


def table() -> Solid:
    """A plate, a beam under it and four legs, all overlapping."""
    legs = [
        box((x - 0.08, y - 0.08, -0.85), (x + 0.08, y + 0.08, 0.3), 3)
        for x in (-0.6, 0.6)
        for y in (-0.35, 0.35)
    ]
    return joined(
        "table", box((-0.8, -0.5, 0.2), (0.8, 0.5, 0.4)), box((-0.7, -0.1, 0.0), (0.7, 0.1, 0.25)), *legs
    )


def primitives() -> Iterator[Solid]:
    yield joined("sphere", sphere(4, 0.7))
    yield joined("box", box((-0.6, -0.5, -0.4), (0.6, 0.5, 0.4)))
    yield joined("torus", torus())


def is_inside(solid: Solid, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The truth: a point is inside if it is so of any part, each of which has a winding of 0 or 1."""
    import igl

    mesh, found = solid.mesh, np.zeros(len(points), np.bool_)
    for part in solid.parts:
        found |= igl.winding_number(mesh.vertices, np.ascontiguousarray(mesh.faces[part]), points) > 0.5
    return found


def keep(mesh: Mesh, faces: NDArray[np.bool_]) -> Mesh:
    return Mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[faces]))


def turn(mesh: Mesh, faces: NDArray[np.bool_]) -> Mesh:
    """Wind some faces the other way."""
    return Mesh(mesh.vertices, np.where(faces[:, None], mesh.faces[:, ::-1], mesh.faces))


def patch_hole(share: float) -> Damage:
    """The faces nearest to a random one are gone."""

    def damage(mesh: Mesh, rng: np.random.Generator) -> Mesh:
        middles = mesh.corners.mean(axis=1)
        away = np.linalg.norm(middles - middles[rng.integers(len(middles))], axis=1)
        return keep(mesh, away > np.quantile(away, share))

    return damage


def holes(share: float) -> Damage:
    return lambda mesh, rng: keep(mesh, rng.random(len(mesh.faces)) >= share)


def flips(share: float) -> Damage:
    return lambda mesh, rng: turn(mesh, rng.random(len(mesh.faces)) < share)


def inside_out(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    return turn(mesh, np.ones(len(mesh.faces), np.bool_))


def doubled(opposite: bool) -> Damage:
    """Every face twice, the second time wound alike or the other way."""

    def damage(mesh: Mesh, rng: np.random.Generator) -> Mesh:
        again = mesh.faces[:, ::-1] if opposite else mesh.faces
        return Mesh(mesh.vertices, np.concatenate([mesh.faces, again])[rng.permutation(2 * len(mesh.faces))])

    return damage


def soup(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """No two faces share a vertex."""
    return Mesh(mesh.corners.reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3))


def both(first: Damage, second: Damage) -> Damage:
    return lambda mesh, rng: second(first(mesh, rng), rng)
