"""Closed surfaces whose inside is known, and the ways in which meshes are broken."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import igl
import numpy as np
import trimesh
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh


class Solid(NamedTuple):
    """A body within [-0.9, 0.9]^3 whose parts, closed and wound outwards, may overlap.

    ``part`` (f,) int64 is the number of the part that each face belongs to.
    """

    name: str
    mesh: Mesh
    part: NDArray[np.int64]

    def cut(self, kept: NDArray[np.bool_]) -> "Solid":
        """Without some faces."""
        return Solid(self.name, keep(self.mesh, kept), self.part[kept])


Damage = Callable[[Solid, np.random.Generator], Solid]


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
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in parts])
    faces = np.concatenate([mesh.faces + start for mesh, start in zip(parts, starts, strict=False)])
    part = np.repeat(np.arange(len(parts)), [len(mesh.faces) for mesh in parts])
    return Solid(name, Mesh(np.concatenate([mesh.vertices for mesh in parts]), faces), part)


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
    """The truth: inside any part, by its exact winding number, which is 0 or 1."""
    found = np.zeros(len(points), np.bool_)
    for part in range(solid.part.max() + 1):
        faces = keep(solid.mesh, solid.part == part).faces
        found |= igl.winding_number(solid.mesh.vertices, faces, points) > 0.5
    return found


def keep(mesh: Mesh, faces: NDArray[np.bool_]) -> Mesh:
    return Mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[faces]))


def turn(mesh: Mesh, faces: NDArray[np.bool_]) -> Mesh:
    """Wind some faces the other way."""
    return Mesh(mesh.vertices, np.where(faces[:, None], mesh.faces[:, ::-1], mesh.faces))


def clean(solid: Solid, rng: np.random.Generator) -> Solid:
    return solid


def patch_hole(share: float) -> Damage:
    """The faces nearest to a random one are gone."""

    def damage(solid: Solid, rng: np.random.Generator) -> Solid:
        middles = solid.mesh.corners.mean(axis=1)
        away = np.linalg.norm(middles - middles[rng.integers(len(middles))], axis=1)
        return solid.cut(away > np.quantile(away, share))

    return damage


def holes(share: float) -> Damage:
    """Faces here and there are gone."""
    return lambda solid, rng: solid.cut(rng.random(len(solid.part)) >= share)


def flips(share: float) -> Damage:
    """Faces here and there are wound the other way."""
    return lambda solid, rng: solid._replace(mesh=turn(solid.mesh, rng.random(len(solid.part)) < share))


def inside_out(solid: Solid, rng: np.random.Generator) -> Solid:
    return solid._replace(mesh=turn(solid.mesh, solid.part >= 0))


def half_inside_out(solid: Solid, rng: np.random.Generator) -> Solid:
    """Every second part is inside out."""
    return solid._replace(mesh=turn(solid.mesh, solid.part % 2 == 1))


def doubled(opposite: bool) -> Damage:
    """Every face is there twice, the second time wound alike or the other way."""

    def damage(solid: Solid, rng: np.random.Generator) -> Solid:
        faces = solid.mesh.faces
        order = rng.permutation(2 * len(faces))
        both = np.concatenate([faces, faces[:, ::-1] if opposite else faces])[order]
        return Solid(solid.name, Mesh(solid.mesh.vertices, both), np.tile(solid.part, 2)[order])

    return damage


def retriangulated(solid: Solid, rng: np.random.Generator) -> Solid:
    """Every box is there twice, the second time cut along the other diagonals, and inside out."""
    mesh = solid.mesh
    mirrored = mesh.vertices.copy()
    for part in range(solid.part.max() + 1):
        used = np.unique(mesh.faces[solid.part == part])
        x = mesh.vertices[used, 0]
        mirrored[used, 0] = x.min() + x.max() - x
    faces = np.concatenate([mesh.faces, mesh.faces + len(mirrored)])  # a mirror turns the second lot
    return Solid(solid.name, Mesh(np.concatenate([mesh.vertices, mirrored]), faces), np.tile(solid.part, 2))


def soup(solid: Solid, rng: np.random.Generator) -> Solid:
    """No two faces share a vertex."""
    corners = solid.mesh.corners.reshape(-1, 3)
    return solid._replace(mesh=Mesh(corners, np.arange(len(corners)).reshape(-1, 3)))


def damaged(*damages: Damage) -> Damage:
    """One damage after the other."""

    def damage(solid: Solid, rng: np.random.Generator) -> Solid:
        for one in damages:
            solid = one(solid, rng)
        return solid

    return damage
