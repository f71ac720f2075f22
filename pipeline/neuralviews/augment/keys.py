"""Keys: parameters from which an augmentation draws as many numbers as a field has weights."""

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws
from .base import Parameter

__all__ = ["KEY", "draw_keys", "draws_from"]

KEY = Parameter("key", 3)
"""Three integers below 2**21, which float32 holds exactly: a seed of 63 bits, the lowest first."""

_BITS = 21


def draw_keys(draws: Draws) -> NDArray[np.float32]:
    """One key a row, (n, 3) float32."""
    words = draws.bits(1)
    pieces = [words >> np.uint64(_BITS * place) & np.uint64((1 << _BITS) - 1) for place in range(KEY.count)]
    return np.concatenate(pieces, axis=1).astype(np.float32)


def draws_from(keys: NDArray[np.float32]) -> Draws:
    """The streams that these keys (n, 3) stand for."""
    pieces = keys.astype(np.uint64)
    seeds = np.zeros(len(keys), np.uint64)
    for place in range(KEY.count):
        seeds |= pieces[:, place] << np.uint64(_BITS * place)
    return Draws(seeds)
