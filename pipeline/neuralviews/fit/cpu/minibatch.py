"""The points of a step, drawn and gathered as compiled code; `fit.minibatch.drawn_points` is the oracle."""

import numpy as np
from numba import njit

from ...draws import MIX_END, MIX_ROUNDS
from .layout import Column

__all__ = ["drawn_point", "gather"]

((FIRST, FIRST_FACTOR), (SECOND, SECOND_FACTOR)), LAST = (
    tuple((np.uint64(shift), np.uint64(factor)) for shift, factor in MIX_ROUNDS),
    np.uint64(MIX_END),
)
HALF, ROWS = np.uint64(32), int(Column.rows)


@njit(inline="always")
def drawn_point(stream, word, pool):  # type: ignore[no-untyped-def]
    """The index, below ``pool``, that a word of a stream draws; stream: key and increment. All are uint64."""
    x = stream[0] + (word + np.uint64(1)) * stream[1]
    x = (x ^ x >> FIRST) * FIRST_FACTOR
    x = (x ^ x >> SECOND) * SECOND_FACTOR
    x = x ^ x >> LAST
    return (x >> HALF) * pool >> HALF


@njit(inline="always")
def gather(problem, step):  # type: ignore[no-untyped-def]
    """Fill the batch with the points and targets that a step draws."""
    signal, batch, rows = problem.signal, problem.batch, problem.table[0, ROWS]
    pool, start = np.uint64(signal.length), np.uint64(step) * np.uint64(batch.length)
    for i in range(batch.length):
        problem.drawn[i] = drawn_point(problem.stream, start + np.uint64(i), pool)
    for i in range(batch.length):
        drawn = problem.drawn[i]
        for k in range(rows):
            batch.coords[i * rows + k] = signal.coords[drawn * rows + k]
        for channel in range(problem.channels):
            batch.targets[channel * batch.stride + i] = signal.targets[channel * signal.stride + drawn]
