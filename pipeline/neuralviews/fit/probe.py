"""Numbers for small fits that tell whether an engine computes as it should: the same wherever float64 is."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["spread"]


def spread(low: float, high: float, *shape: int) -> NDArray[np.float32]:
    """Numbers spread evenly from ``low`` to ``high``, by multiples of the golden ratio modulo 1."""
    parts = np.arange(math.prod(shape)) * 0.6180339887498949 % 1
    return (low + (high - low) * parts).reshape(shape).astype(np.float32)
