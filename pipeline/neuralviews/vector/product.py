"""The inner loops of matrix products: each sum is one chain of fused multiply-adds, ascending.

Rows of vectors are padded to `LANES` numbers, so that they are whole vectors on every machine.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .emit import Emitter, Value, Variable, blocking

__all__ = ["LANES", "Accumulators", "Scalars", "Vectors", "accumulate", "over_columns"]

LANES = 16
"""Rows are padded to a multiple of this on every machine; the widest vectors have as many lanes."""

Accumulators = list[list[Variable]]


def over_columns(emitter: Emitter, lanes: Value, body: Callable[[Value, int], None]) -> None:
    """Run ``body(first column, vectors)`` over all columns, in blocks of as many vectors as fit."""
    widest = blocking().columns
    step = widest * emitter.lanes
    if step <= LANES:
        with emitter.loop(0, lanes, step) as column:
            body(column, widest)
        return
    wide = emitter.round_down(lanes, step)
    with emitter.loop(0, wide, step) as column:
        body(column, widest)
    with emitter.loop(wide, lanes, emitter.lanes) as column:
        body(column, 1)


class Scalars(NamedTuple):
    """The left factor of a product: ``array[start + i * row_stride + k * stride]``."""

    array: Any
    start: Value
    row_stride: Value
    stride: Value


class Vectors(NamedTuple):
    """The right factor of a product: the vectors from ``array[start + k * stride]`` on."""

    array: Any
    start: Value
    stride: Value


def accumulate(
    e: Emitter,
    sums: Accumulators,
    count: Value,
    scalars: Scalars,
    vectors: Vectors,
    bias: Sequence[Variable] = (),
) -> None:
    """``sums[i][j] = fma(scalar(i, k), vector(k, j), sums[i][j])`` for k = 0 ... count-1.

    With ``bias``, also ``bias[j] = bias[j] + vector(k, j)`` in the same pass.
    """
    with e.loop(0, count) as k:
        row = e.index(vectors.start, e.times(k, vectors.stride))
        operands = [e.load(vectors.array, e.index(row, j * e.lanes)) for j in range(len(sums[0]))]
        column = e.index(scalars.start, e.times(k, scalars.stride))
        for i, totals in enumerate(sums):
            at = e.index(column, e.times(scalars.row_stride, i))
            scalar = e.splat(e.load_scalar(scalars.array, at))
            for total, operand in zip(totals, operands, strict=True):
                total.set(e.fma(scalar, operand, total.get()))
        for total, operand in zip(bias, operands, strict=False):
            total.set(e.add(total.get(), operand))
