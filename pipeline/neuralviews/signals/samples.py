"""What is sampled of a shape, once, for all its views: points with distances, and the truth to measure by."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..mesh.repair import Repairs
from ..records import ShapeTarget

__all__ = ["GRID", "Repairs", "ShapeFacts", "ShapeSamples", "ShapeTarget", "cell_centres"]

GRID = 48
"""Cells along each edge of the cube [-1, 1]^3 at whose centres occupancy is compared."""


@dataclass(frozen=True)
class ShapeFacts:
    """What was found out about a mesh.

    Args:
        disagreement: how far sight contradicts what is held to be inside, see
            `mesh.visibility.sign_disagreement`; 0 where no inside is asked for.
        target: what its fields are fitted to.
        repairs: see `Repairs`.
    """

    disagreement: float
    target: ShapeTarget
    repairs: Repairs

    def beyond(self, limit: float) -> bool:
        """Whether the signs are not to be trusted; compared as the column of a store is, in float32."""
        return bool(np.float32(self.disagreement) > np.float32(limit))


@dataclass(frozen=True, eq=False)
class ShapeSamples:
    """Samples of one shape in the cube [-1, 1]^3.

    Args:
        points: (p, 3) float32, what fields are fitted to.
        distance: (p,) float32, from the surface, negative inside; unsigned if the target is ``udf``.
        check_points, check_distance: (q, 3) and (q,) float32, the same close to the surface, of other
            draws: where errors are measured.
        occupancy: (GRID, GRID, GRID) bool, whether cell centres are inside, indexed [x, y, z]; all False
            if the target is ``udf``.
        facts: what was found out about the mesh.
    """

    points: NDArray[np.float32]
    distance: NDArray[np.float32]
    check_points: NDArray[np.float32]
    check_distance: NDArray[np.float32]
    occupancy: NDArray[np.bool_]
    facts: ShapeFacts


@cache
def cell_centres() -> NDArray[np.float32]:
    """Centres of the GRID^3 cells of the cube [-1, 1]^3, (GRID^3, 3) float32, the last axis fastest."""
    axis = ((2 * np.arange(GRID) + 1 - GRID) / GRID).astype(np.float32)
    centres = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    centres.setflags(write=False)
    return centres
