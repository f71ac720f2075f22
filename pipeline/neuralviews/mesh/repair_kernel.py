"""Bodies of faces wound alike, as compiled code without Python: a union-find that remembers turns."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from ..vector.compiled import compile_cached, sources_digest

__all__ = ["compiled_union"]

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Union = Callable[[int, Integers, Flags], tuple[Integers, Flags]]


@njit
def find(parent, turn, face):  # type: ignore[no-untyped-def]
    """The root of a face. All faces on the way there then point at it, turned as they are against it."""
    root, passed = face, False
    while parent[root] != root:
        root, passed = parent[root], passed != turn[root]
    while parent[face] != root:
        following, step = parent[face], turn[face]
        parent[face], turn[face] = root, passed
        face, passed = following, passed != step
    return root


def _define(sources: str) -> Callable[..., Any]:
    """The union-find in Python; ``sources`` is in its closure, which numba's cache key holds."""

    def union(count, links, against):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        parent, turn = np.arange(count), np.zeros(count, np.bool_)
        for i in range(len(links)):
            one, two = links[i]
            roots = find(parent, turn, one), find(parent, turn, two)
            if roots[0] != roots[1]:
                low, high = min(roots), max(roots)
                parent[high], turn[high] = low, (turn[one] != turn[two]) != against[i]
        for face in range(count):
            find(parent, turn, face)
        return parent, turn

    return union


@cache
def compiled_union() -> Union:
    """Compile, or load from numba's cache, ``(count, links, against) -> (body, turn)``.

    ``links`` (m, 2) int64 are pairs of the ``count`` faces, and ``against`` (m,) bool whether one of the two
    must be turned. ``body`` (count,) int64 is the lowest face of those that are linked, and ``turn``
    (count,) bool whether a face must be turned to agree with it. A link that contradicts those before
    it, as on a Moebius strip, is passed over.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    links = types.Array(types.int64, 2, "C", readonly=True)
    against = types.Array(types.bool_, 1, "C", readonly=True)
    returned = types.Tuple((types.Array(types.int64, 1, "C"), types.Array(types.bool_, 1, "C")))
    define = _define(sources_digest(Path(__file__)))
    return cast(Union, compile_cached(define, returned(types.int64, links, against)))
