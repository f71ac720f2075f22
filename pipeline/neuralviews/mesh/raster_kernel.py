"""The z-buffer as compiled code without Python: whole numbers decide which pixel a triangle covers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from ..vector.compiled import compile_cached, sources_digest

__all__ = ["SUBPIXEL", "compiled_raster"]

SUBPIXEL = 1 << 12
"""Steps of a corner's place within a pixel."""

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Draw = Callable[[Integers, Integers, Doubles, Integers, Doubles, Integers], None]


@njit
def side(x, y, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """Twice the area of the triangle (point, a, b): positive on the left of the way from a to b."""
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax)


@njit
def owns(ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """1 if points of this edge are of its triangle: of the two that share an edge, one owns it."""
    return 1 if by < ay or (by == ay and bx > ax) else 0


@njit
def first_and_end(low, high, size):  # type: ignore[no-untyped-def]
    """Pixels whose centres are from ``low`` to ``high``, a stretch of one axis in steps, as a range."""
    half = SUBPIXEL // 2
    return max(0, -((half - low) // SUBPIXEL)), min(size, (high - half) // SUBPIXEL + 1)


def _define(sources: str) -> Callable[..., Any]:
    """The rasteriser in Python; ``sources`` is in its closure, which numba's cache key holds."""

    def draw(right, up, toward, faces, depth, face):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        size, half = len(depth), SUBPIXEL // 2
        for index in range(len(faces)):
            a, b, c = faces[index]
            if side(right[a], up[a], right[b], up[b], right[c], up[c]) < 0:
                b, c = c, b
            ax, ay, bx, by, cx, cy = right[a], up[a], right[b], up[b], right[c], up[c]
            area = side(ax, ay, bx, by, cx, cy)
            if area == 0:
                continue
            left, end = first_and_end(min(ax, bx, cx), max(ax, bx, cx), size)
            low, high = first_and_end(min(ay, by, cy), max(ay, by, cy), size)
            least_a, least_b = 1 - owns(bx, by, cx, cy), 1 - owns(cx, cy, ax, ay)
            least_c = 1 - owns(ax, ay, bx, by)
            for i in range(low, high):
                y = i * SUBPIXEL + half
                for j in range(left, end):
                    x = j * SUBPIXEL + half
                    of_a, of_b = side(x, y, bx, by, cx, cy), side(x, y, cx, cy, ax, ay)
                    of_c = side(x, y, ax, ay, bx, by)
                    if of_a < least_a or of_b < least_b or of_c < least_c:
                        continue
                    z = (of_a * toward[a] + of_b * toward[b] + of_c * toward[c]) / area
                    row = size - 1 - i
                    if z > depth[row, j]:
                        depth[row, j], face[row, j] = z, index

    return draw


@cache
def compiled_raster() -> Draw:
    """Compile, or load from numba's cache, ``(right, up, toward, faces, depth, face) -> None``.

    ``right`` and ``up`` (v,) int64 are places of corners in steps of a pixel from the lower left of the
    picture, of magnitude below 2**29, and ``toward`` (v,) float64 their coordinates towards the viewer.
    What is nearer than ``depth`` (s, s) float64 is written there, and its index into ``face`` (s, s) int64.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    places = types.Array(types.int64, 1, "C", readonly=True)
    toward = types.Array(types.float64, 1, "C", readonly=True)
    faces = types.Array(types.int64, 2, "C", readonly=True)
    written = types.Array(types.float64, 2, "C"), types.Array(types.int64, 2, "C")
    define = _define(sources_digest(Path(__file__)))
    return cast(Draw, compile_cached(define, types.void(places, places, toward, faces, *written)))
