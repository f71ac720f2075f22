"""How alike two shapes are: by their surfaces, and by their insides."""

import math

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws
from ..errors import OptionError
from .distance import unsigned_distance
from .mesh import Mesh
from .sampling import on_surface

__all__ = ["chamfer", "iou"]


def chamfer(a: Mesh, b: Mesh, count: int, draws: Draws) -> float:
    """The Chamfer distance of two surfaces, not squared, in their unit of length.

    Points are drawn on both. The distance of each from the other surface is averaged over the points of
    either side, and then over the two sides. This is Chamfer-L1 of Mescheder et al., "Occupancy Networks"
    (CVPR 2019), section 4, but for two things: they take the nearest of the points drawn on the other
    surface, so that equal surfaces are about ``sqrt(area / count) / 2`` apart, not 0; and they state it in
    tenths of the longest edge of a shape's bounding box.

    Args:
        count: points drawn on each.
        draws: one stream.
    Returns:
        A number from 0; infinity if one of the two is empty, 0 if both are.
    Raises:
        OptionError: another number of streams than one.
        SourceError: triangles without any area.
    """
    if len(draws) != 1:
        raise OptionError(f"draws: found {len(draws)} streams, expected 1")
    empty = [len(mesh.vertices) == 0 for mesh in (a, b)]
    if any(empty):
        return 0.0 if all(empty) else math.inf
    means = []
    for side, (mesh, other) in enumerate(((a, b), (b, a))):
        distances = unsigned_distance(other, on_surface(mesh, count, draws.child(side)))
        means.append(math.fsum(distances) / count)
    return (means[0] + means[1]) / 2


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two insides, of any one shape: 1 if they are the same, two empty ones too.

    Raises:
        OptionError: arrays of different shapes.
    """
    if a.shape != b.shape:
        raise OptionError(f"iou: found shapes {a.shape} and {b.shape}, expected the same")
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
