"""Where fields are measured: a fixed set of points, the same for all fields of a store."""

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..field import FieldSpec
from ..grids import image_grid
from ..seeds import derive_seed

__all__ = ["PROBES", "probe_points"]

PROBES = 256


def probe_points(
    spec: FieldSpec, image_shape: tuple[int, int] | None, count: int = PROBES
) -> NDArray[np.float32]:
    """Points that stand for the domain [-1, 1]^d of a field.

    Fields of images are measured at pixel centres: at all of them if there are at most ``count``, else at
    one pixel of each of ``count`` runs that share the image's rows out evenly, drawn once and for all.
    Other fields are measured at the first points of the additive recurrence R_d, which fill a cube of any
    dimension evenly. Source of R_d: Martin Roberts, "The Unreasonable Effectiveness of Quasirandom
    Sequences" (2018), with the offset 1/2.

    Args:
        image_shape: (height, width) in pixels; None if the fields are of no image, or of several sizes.
    Returns:
        (p, d) float32, p at most ``count``; the same bytes on every machine.
    Raises:
        OptionError: ``count`` is less than 1.
    """
    if count < 1:
        raise OptionError(f"probe_points: found count {count}, expected 1 or more")
    if image_shape is None or spec.in_dim != 2:
        return _recurrence(spec.in_dim, count)
    grid = image_grid(*image_shape, spec.axis_order)
    return grid if len(grid) <= count else grid[_one_of_each_run(image_shape, count)]


def _one_of_each_run(image_shape: tuple[int, int], count: int) -> NDArray[np.int64]:
    """Ascending pixel numbers, one from each of ``count`` runs of pixels of nearly equal length."""
    height, width = image_shape
    ends = np.arange(count + 1) * (height * width) // count
    words = np.random.Philox(key=derive_seed(0, "probes", height, width, count)).random_raw(count)
    drawn: NDArray[np.int64] = ends[:-1] + (words % np.diff(ends).astype(np.uint64)).astype(np.int64)
    return drawn


def _recurrence(d: int, count: int) -> NDArray[np.float32]:
    """Points ``2 frac(1/2 + i a^j) - 1`` for i = 1 ... count, j = 1 ... d; 1/a solves x^(d+1) = x + 1."""
    low, high = 0.5, 1.0  # a solves a^d (1 + a) = 1; halving needs no function of the C library
    while low < (middle := (low + high) / 2) < high:
        power = 1 + middle
        for _ in range(d):
            power *= middle
        low, high = (middle, high) if power < 1 else (low, middle)
    steps, power = np.empty(d), 1.0
    for j in range(d):
        power *= low
        steps[j] = power
    turns = 0.5 + np.arange(1.0, count + 1)[:, None] * steps
    return (2 * (turns - np.floor(turns)) - 1).astype(np.float32)
