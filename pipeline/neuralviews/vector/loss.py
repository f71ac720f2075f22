"""Mean squared errors that are the same bytes on every machine."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from ..errors import SpecError
from .compiled import compile_cached, sources_digest

__all__ = ["mean_squared_errors"]

LARGEST = float(np.finfo(np.float32).max)


def _define(sources: str) -> Callable[..., Any]:
    """The sum in Python; ``sources`` is in its closure, which numba's cache key holds, unlike imports."""

    def measure(values, targets, losses):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        rows, points, channels = values.shape
        for row in range(rows):
            total = 0.0
            for point in range(points):
                for channel in range(channels):
                    found, wanted = values[row, point, channel], targets[row, point, channel]
                    error = np.float64(found) - np.float64(wanted)
                    total += error * error
            mean = total / (points * channels)
            losses[row] = mean if mean <= LARGEST else LARGEST  # so is what is not a number

    return measure


@cache
def _compiled() -> Callable[..., None]:
    blocks = types.Array(types.float32, 3, "C", readonly=True)
    row = types.Array(types.float32, 1, "C")
    compiled: Callable[..., None] = compile_cached(_define(sources_digest()), types.void(blocks, blocks, row))
    return compiled


def mean_squared_errors(values: NDArray[np.float32], targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean squared error of each of n fields: a float64 sum, points ascending, channels inside.

    Args:
        values, targets: (n, p, c) float32, of one shape, p not 0.
    Returns:
        (n,) float32, each rounded once and always finite: the largest float32 stands for anything beyond
        it, and for errors that are no numbers.
    Raises:
        SpecError: other shapes or types.
        EngineError: the environment turns numba's compiler off.
    """
    for name, array in (("values", values), ("targets", targets)):
        if array.dtype != np.float32 or array.shape != targets.shape or array.ndim != 3 or not array.shape[1]:
            raise SpecError(
                f"{name}: found {array.dtype} {array.shape} beside targets {targets.shape}, "
                "expected float32 (fields, points, channels), with a point, and both alike"
            )
    losses = np.empty(len(values), np.float32)
    _compiled()(np.ascontiguousarray(values), np.ascontiguousarray(targets), losses)
    return losses
