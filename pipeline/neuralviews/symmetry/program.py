"""Alignment of many pairs of fields as compiled code without Python."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from ..errors import EngineError
from ..vector.compiled import compile_cached, compiler_is_off, sources_digest
from .layout import INTEGERS, Column, Problem, Work
from .matching import bring

__all__ = ["compiled_alignment", "compiled_distances"]

FIRST = int(Column.units)
PARTIALS = 8
"""Sums of squares run in so many chains, which are then added up in order."""


def _define_alignment(sources: str) -> Callable[..., Any]:
    """The alignment in Python; ``sources`` is in its closure, which numba's cache key holds."""

    def align(problem, work, a, b, perm, sign, phase, sweeps):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        first, units = problem.table[0, FIRST], perm.shape[1]
        for pair in range(len(b)):
            sweeps[pair] = bring(problem, work, a[pair if len(a) > 1 else 0], b[pair])
            for i in range(units):
                perm[pair, i], phase[pair, i] = work.perm[first + i], work.phase[first + i]
                sign[pair, i] = np.int8(work.sign[first + i])

    return align


def _define_distances(sources: str) -> Callable[..., Any]:
    def distances(a, b, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        sums = np.empty(PARTIALS)
        for pair in range(len(b)):
            left, right = a[pair if len(a) > 1 else 0], b[pair]
            sums[:] = 0
            for i in range(right.size):
                difference = np.float64(left[i]) - np.float64(right[i])
                sums[i % PARTIALS] += difference * difference
            total = 0.0
            for part in sums:
                total += part
            out[pair] = total

    return distances


def _read(kind: Any, dimensions: int) -> Any:
    return types.Array(kind, dimensions, "C", readonly=True)


def _sources() -> str:
    if compiler_is_off():
        raise EngineError("alignment: NUMBA_DISABLE_JIT is set, with which numba compiles nothing: unset it")
    return sources_digest(Path(__file__).parent)


@cache
def compiled_alignment() -> Callable[..., None]:
    """Compile, or load from numba's cache, ``(problem, work, a, b, perm, sign, phase, sweeps) -> None``.

    Row i of ``b`` is brought next to row i of ``a``, or to its only row. The last four are written.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    floats, integers = (types.Array(x, 1, "C") for x in (types.float32, types.int32))
    matrix = types.Array(types.float32, 2, "C")
    problem = (types.Array(types.int64, 2, "C"), matrix, types.Array(types.float64, 1, "C"), integers)
    work = [integers if name in INTEGERS else floats for name in Work._fields]
    signature = types.void(
        types.NamedTuple((*problem, types.int64, types.boolean), Problem),
        types.NamedTuple(tuple(work), Work),
        _read(types.float32, 2),
        _read(types.float32, 2),
        *(types.Array(x, 2, "C") for x in (types.int32, types.int8, types.int32)),
        integers,
    )
    return cast(Callable[..., None], compile_cached(_define_alignment(_sources()), signature))


@cache
def compiled_distances() -> Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]], None]:
    """Compile ``(a, b, out) -> None``: squared distances of rows, float64, in one order of summation."""
    rows = _read(types.float32, 2)
    signature = types.void(rows, rows, types.Array(types.float64, 1, "C"))
    compiled: Callable[..., None] = compile_cached(_define_distances(_sources()), signature)
    return compiled
