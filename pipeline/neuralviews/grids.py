"""Coordinates of pixel centres, for images of any height and width and both axis orders."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["AxisOrder", "axis_points", "image_grid"]

AxisOrder = Literal["xy", "ij"]


def axis_points(count: int) -> NDArray[np.float32]:
    """``count`` points from -1 to 1 inclusive, float32, exactly symmetric about 0; one point is 0.

    Each is an integer ratio rounded once, so the bytes are the same on every machine
    (``linspace`` multiplies by a rounded step and need not be symmetric).
    """
    if count < 1:
        raise ValueError(f"axis_points: found {count} points, expected at least 1")
    if count == 1:
        return np.zeros(1, np.float32)
    numerators = 2 * np.arange(count, dtype=np.float64) - (count - 1)
    return (numerators / (count - 1)).astype(np.float32)


def image_grid(height: int, width: int, axis_order: AxisOrder) -> NDArray[np.float32]:
    """Coordinates of an image's pixels in row-major order, shape (height*width, 2), float32.

    Columns are (x to the right, y down) for ``"xy"`` and (y down, x to the right) for ``"ij"``;
    each axis spans [-1, 1] by itself, whatever the aspect ratio.
    """
    y = np.repeat(axis_points(height), width)
    x = np.tile(axis_points(width), height)
    return np.stack((x, y) if axis_order == "xy" else (y, x), axis=1)
