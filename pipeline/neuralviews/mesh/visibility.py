"""Inside and outside by sight, a check on the winding number that knows nothing of it.

Where a mesh has large openings, or walls without thickness, its winding number is no whole number, and the
side of 1/2 that it falls on says little. A place that is seen from all over is no inside all the same, and
one that cannot be seen from anywhere is. (Ray stabbing and parity counts of Nooruddin and Turk,
"Simplification and repair of polygonal models using volumetric techniques", 2003, are of this kind.)
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from .mesh import Mesh
from .raster import rasterize

__all__ = ["DIRECTIONS", "sign_disagreement", "times_seen", "view_axes"]

DIRECTIONS = tuple(direction for direction in product((-1, 0, 1), repeat=3) if any(direction))
"""The ways from a cell of a grid to its 26 neighbours."""

SEEN = 6
"""A place that is seen from so many of the directions is open to view, as few small holes leave it."""


def sign_disagreement(mesh: Mesh, occupancy: NDArray[np.bool_]) -> float:
    """How far sight contradicts what is said to be inside: from 0, nowhere, to 1, everywhere.

    Contradicted are cells inside that are seen from `SEEN` directions or more, and cells outside that are
    seen from none. They are counted against all that either holds to be inside: most of the cube is far
    outside of any shape, and tells nothing. If nothing is inside, there is nothing to rely on: 1.

    Args:
        mesh: in the cube [-1, 1]^3.
        occupancy: (c, c, c), what is inside at centres of cells, indexed [x, y, z].
    """
    seen = times_seen(mesh, len(occupancy))
    hidden = seen == 0
    wrong = np.where(occupancy, seen >= SEEN, hidden)
    either = int(np.count_nonzero(occupancy | hidden))
    return int(np.count_nonzero(wrong)) / either if either else 1.0


def times_seen(mesh: Mesh, cells: int) -> NDArray[np.int64]:
    """From how many of the `DIRECTIONS` each cell of [-1, 1]^3 is seen: (cells, cells, cells), [x, y, z].

    A cell is seen if no triangle is on the line from its centre in that direction. Pictures whose pixels
    are the lines through all centres tell: they are sheared, so that centres fall on pixels exactly.
    """
    number = 2 * np.arange(cells) + 1 - cells  # coordinates of centres are these over `cells`
    x, y, z = np.meshgrid(number, number, number, indexing="ij", sparse=True)
    size, seen = 4 * cells + 1, np.zeros((cells,) * 3, np.int64)
    for direction in DIRECTIONS:
        axes = view_axes(direction)
        right, up, toward = (i * x + j * y + k * z for i, j, k in axes)
        nearest = rasterize(mesh, axes.astype(np.float64), size, size / (2 * cells)).depth
        seen += toward / cells > nearest[2 * cells - up, 2 * cells + right]
    return seen


def view_axes(direction: tuple[int, ...]) -> NDArray[np.int64]:
    """(3, 3) whole numbers, rows right, up and towards the viewer; the first two do not change along it."""
    toward = np.array(direction)
    main = int(np.flatnonzero(toward)[0])
    across = np.delete(np.eye(3, dtype=np.int64), main, axis=0)
    across[:, main] = -np.delete(toward, main) * toward[main]
    return np.vstack([across, toward])
