"""How often signs are right on meshes that were damaged, whose inside is known from before."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralviews.draws import Draws
from neuralviews.mesh.distance import inside, unsigned_distance
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.repair import repaired
from neuralviews.mesh.sampling import near_surface, uniform

from .solids import (
    Damage,
    Solid,
    clean,
    damaged,
    doubled,
    flips,
    half_inside_out,
    holes,
    inside_out,
    is_inside,
    patch_hole,
    primitives,
    retriangulated,
    soup,
    table,
)

Signs = Callable[[Mesh, NDArray[np.float32]], NDArray[np.bool_]]

POINTS = 4096
CLOSE = 1e-3
"""Nearer to the surface, a sign is a matter of rounding."""


class Case(NamedTuple):
    """A way to damage solids, and the percentage of right signs that is wanted."""

    name: str
    solids: tuple[str, ...]
    damage: Damage
    wanted: float


ROUND = ("sphere", "box", "torus")
CASES = (
    Case("clean", (*ROUND, "table"), clean, 100),
    Case("3 % patch hole", ROUND, patch_hole(0.03), 99.3),
    Case("10 % holes", ROUND, holes(0.1), 99.9),
    Case("20 % turned", ROUND, flips(0.2), 100),
    Case("45 % turned", ROUND, flips(0.45), 100),
    Case("inside out", ROUND, inside_out, 100),
    Case("doubled, wound alike", ROUND, doubled(opposite=False), 100),
    Case("doubled, wound the other way", ROUND, doubled(opposite=True), 100),
    Case("soup of triangles", ROUND, soup, 100),
    Case("half the parts inside out", ("table",), half_inside_out, 100),
    Case("doubled, cut otherwise", ("table",), retriangulated, 99.9),
    Case("5 % holes, 30 % turned", ("table",), damaged(holes(0.05), flips(0.3)), 97.5),
    Case(
        "all at once, as soup",
        ("table",),
        damaged(half_inside_out, retriangulated, holes(0.05), flips(0.3), soup),
        99.5,
    ),
)


def by_winding(mesh: Mesh, points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is done with meshes here: mended, then the winding number either way."""
    return inside(repaired(mesh)[0], points)


def right_signs(case: Case, signs: Signs) -> float:
    """The percentage of right signs, inside and outside counted alike, mean over the solids of a case."""
    rates = []
    for number, solid in enumerate(solids()):
        if solid.name in case.solids:
            points, truth = known_points(solid.name)
            found = signs(case.damage(solid, np.random.default_rng(number)).mesh, points)
            rates.append(50 * (found[truth].mean() + (~found[~truth]).mean()))
    return float(np.mean(rates))


@cache
def solids() -> tuple[Solid, ...]:
    return (*primitives(), table())


@cache
def known_points(name: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points near a solid and all over the cube, and which of them are inside."""
    solid = next(solid for solid in solids() if solid.name == name)
    draws = Draws(np.array([7], np.uint64))
    points = np.concatenate([near_surface(solid.mesh, 0.05, POINTS, draws), uniform(POINTS, draws)])
    points = points[unsigned_distance(solid.mesh, points) > CLOSE]
    return points, is_inside(solid, points.astype(np.float64))
