"""Alignment of many pairs of fields as compiled code without Python."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from ..errors import EngineError
from ..vector.compiled import compile_cached, compiler_is_off, sources_digest
from .action import move
from .layout import INTEGERS, Column, Found, Problem, Work
from .matching import bring

__all__ = ["compiled_alignment"]

Rows = NDArray[np.float32]

FIRST = int(Column.units)
CHAINS = 32
"""Squared differences are summed in so many chains, float64, which are then added up in order."""


@njit
def squared_distance(a, b, sums):  # type: ignore[no-untyped-def]
    """Of two fields (P,); ``sums`` is work space (`CHAINS`,)."""
    sums[:] = 0
    whole = a.size // CHAINS * CHAINS
    for start in range(0, whole, CHAINS):
        for i in range(CHAINS):
            difference = np.float64(a[start + i]) - np.float64(b[start + i])
            sums[i] += difference * difference
    for i in range(a.size - whole):
        difference = np.float64(a[whole + i]) - np.float64(b[whole + i])
        sums[i] += difference * difference
    total = 0.0
    for part in sums:
        total += part
    return total


def _define(sources: str) -> Callable[..., Any]:
    """The alignment in Python; ``sources`` is in its closure, which numba's cache key holds."""

    def align(problem, work, a, b, found):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        first, widest = problem.table[0, FIRST], problem.dims.max()
        column, factor, sums = np.empty(widest, np.uint32), np.empty(widest, np.float32), np.empty(CHAINS)
        for pair in range(len(b)):
            one, other, weights = a[pair if len(a) > 1 else 0], b[pair], found.weights[pair]
            perm, sign, phase = found.perm[pair], found.sign[pair], found.phase[pair]
            found.sweeps[pair] = bring(problem, work, one, other)
            for i in range(perm.size):
                perm[i], phase[i] = work.perm[first + i], work.phase[first + i]
                sign[i] = np.int8(work.sign[first + i])
            move(problem.dims, problem.half_turns, other, perm, sign, phase, column, factor, weights)
            before, after = squared_distance(one, other, sums), squared_distance(one, weights, sums)
            if not after < before:
                for i in range(perm.size):
                    perm[i], sign[i], phase[i] = problem.identity[first + i], 1, 0
                for i in range(other.size):
                    weights[i] = other[i]
                after = before
            found.before[pair], found.after[pair] = before, after

    return align


def _sources() -> str:
    if compiler_is_off():
        raise EngineError("alignment: NUMBA_DISABLE_JIT is set, with which numba compiles nothing: unset it")
    return sources_digest(Path(__file__).parent)


@cache
def compiled_alignment() -> Callable[[Problem, Work, Rows, Rows, Found], None]:
    """Compile, or load from numba's cache, ``(problem, work, a, b, found) -> None``.

    Row i of ``b`` is brought next to row i of ``a``, or to its only row, and ``found`` is written.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    floats, integers = (types.Array(x, 1, "C") for x in (types.float32, types.int32))
    counts, doubles = (types.Array(x, 1, "C") for x in (types.int64, types.float64))
    matrix, table = (types.Array(x, 2, "C") for x in (types.float32, types.int64))
    element = [types.Array(x, 2, "C") for x in (types.int32, types.int8, types.int32)]
    problem = (table, counts, matrix, doubles, integers, types.int64, types.boolean)
    work = tuple(integers if name in INTEGERS else floats for name in Work._fields)
    found = (matrix, *element, doubles, doubles, integers)
    signature = types.void(
        types.NamedTuple(problem, Problem),
        types.NamedTuple(work, Work),
        *[types.Array(types.float32, 2, "C", readonly=True)] * 2,
        types.NamedTuple(found, Found),
    )
    return cast(
        Callable[[Problem, Work, Rows, Rows, Found], None], compile_cached(_define(_sources()), signature)
    )
