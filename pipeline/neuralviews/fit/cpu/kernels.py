"""The matrix products of a fit, each with what is fused to it; `ordered` states the order of every sum.

Arrays are flat; every kernel takes an array and the index where its operand begins. Widths of layers
are padded to `layout.LANES`, so a row of features is a whole number of vectors.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from .emit import Emitter, Value, Variable, blocking, kernel
from .layout import LANES

__all__ = ["forward", "input_gradient", "weight_gradient"]

SINGLE_BLOCKS = (1, 2, 3)  # rows of the first layer's weights, one per coordinate, and of few channels

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


def accumulate(
    emitter: Emitter,
    sums: Accumulators,
    count: Value,
    scalars: tuple[Any, Value, Value, Value],
    vectors: tuple[Any, Value, Value],
    bias: list[Variable] | None = None,
) -> None:
    """``sums[i][j] = fma(scalar(i, k), vector(k, j), sums[i][j])`` for k = 0 ... count-1.

    Args:
        scalars: array, start, stride of i, stride of k.
        vectors: array, start, stride of k.
        bias: if given, ``bias[j] = bias[j] + vector(k, j)`` in the same pass.
    """
    left, left_start, row_stride, left_stride = scalars
    right, right_start, right_stride = vectors
    width = len(sums[0])
    with emitter.loop(0, count) as k:
        at = emitter.index(right_start, emitter.times(k, right_stride))
        operands = [emitter.load(right, emitter.index(at, j * emitter.lanes)) for j in range(width)]
        start = emitter.index(left_start, emitter.times(k, left_stride))
        for i, row in enumerate(sums):
            scalar = emitter.splat(
                emitter.load_scalar(left, emitter.index(start, emitter.times(row_stride, i)))
            )
            for total, operand in zip(row, operands, strict=True):
                total.set(emitter.fma(scalar, operand, total.get()))
        for total, operand in zip(bias or [], operands, strict=False):
            total.set(emitter.add(total.get(), operand))


@kernel
def forward(
    e: Emitter,
    inputs: Any,
    inputs_at: Value,
    stride: Value,
    fan_in: Value,
    weights: Any,
    weights_at: Value,
    bias_at: Value,
    sines: Any,
    cosines: Any,
    outputs_at: Value,
    lanes: Value,
    rows: Value,
) -> None:
    """sines, cosines (rows, lanes) = sincospi(bias + inputs (rows, fan_in) @ weights (fan_in, lanes)).

    Each sum starts from the bias and runs over ``fan_in`` ascending. ``rows`` is rounded up to a block.
    """
    height = blocking().rows

    with e.loop(0, rows, height) as row:

        def block(column: Value, width: int) -> None:
            starts = [e.load(weights, e.index(bias_at, column, j * e.lanes)) for j in range(width)]
            sums = [[e.variable(start) for start in starts] for _ in range(height)]
            accumulate(
                e,
                sums,
                fan_in,
                (inputs, e.index(inputs_at, e.times(row, stride)), stride, e.index(1)),
                (weights, e.index(weights_at, column), lanes),
            )
            for i in range(height):
                for j in range(width):
                    at = e.index(outputs_at, e.times(e.index(row, i), lanes), column, j * e.lanes)
                    sine, cosine = e.sincospi(sums[i][j].get())
                    e.store(sine, sines, at)
                    e.store(cosine, cosines, at)

        over_columns(e, lanes, block)


@kernel
def input_gradient(
    e: Emitter,
    deltas: Any,
    deltas_at: Value,
    point_stride: Value,
    feature_stride: Value,
    fan_out: Value,
    weights: Any,
    weights_at: Value,
    cosines: Any,
    cosines_at: Value,
    lanes: Value,
    rows: Value,
) -> None:
    """cosines (rows, lanes) *= deltas (rows, fan_out) @ weights (fan_out, lanes).

    Each sum starts from +0 and runs over ``fan_out`` ascending. ``rows`` is rounded up to a block.
    """
    height = blocking().rows

    with e.loop(0, rows, height) as row:

        def block(column: Value, width: int) -> None:
            sums = [[e.variable(e.splat(0.0)) for _ in range(width)] for _ in range(height)]
            accumulate(
                e,
                sums,
                fan_out,
                (deltas, e.index(deltas_at, e.times(row, point_stride)), point_stride, feature_stride),
                (weights, e.index(weights_at, column), lanes),
            )
            for i in range(height):
                for j in range(width):
                    at = e.index(cosines_at, e.times(e.index(row, i), lanes), column, j * e.lanes)
                    e.store(e.multiply(sums[i][j].get(), e.load(cosines, at)), cosines, at)

        over_columns(e, lanes, block)


@kernel
def weight_gradient(
    e: Emitter,
    inputs: Any,
    inputs_at: Value,
    row_stride: Value,
    point_stride: Value,
    rows: Value,
    bias_rows: Value,
    deltas: Any,
    deltas_at: Value,
    lanes: Value,
    gradient: Any,
    gradient_at: Value,
    bias_at: Value,
    points: Value,
) -> None:
    """gradient (rows, lanes) += inputs (rows, points) @ deltas (points, lanes), points ascending.

    The first ``bias_rows`` rows (none, one of `SINGLE_BLOCKS`, or a block) also sum the deltas into
    the bias. The other rows are a whole number of blocks.
    """
    height = blocking().rows

    def block(row: Value, size: int, with_bias: bool, column: Value, width: int) -> None:
        def at(i: int, j: int) -> Value:
            return e.index(gradient_at, e.times(e.index(row, i), lanes), column, j * e.lanes)

        bias_places = [e.index(bias_at, column, j * e.lanes) for j in range(width)] if with_bias else []
        bias = [e.variable(e.load(gradient, place)) for place in bias_places]
        sums = [[e.variable(e.load(gradient, at(i, j))) for j in range(width)] for i in range(size)]
        accumulate(
            e,
            sums,
            points,
            (inputs, e.index(inputs_at, e.times(row, row_stride)), row_stride, point_stride),
            (deltas, e.index(deltas_at, column), lanes),
            bias,
        )
        for total, place in zip(bias, bias_places, strict=True):
            e.store(total.get(), gradient, place)
        for i in range(size):
            for j in range(width):
                e.store(sums[i][j].get(), gradient, at(i, j))

    for size in (*SINGLE_BLOCKS, height):
        with e.when_equal(bias_rows, size):
            over_columns(e, lanes, partial(block, e.index(0), size, True))
    with e.loop(bias_rows, rows, height) as row:
        over_columns(e, lanes, partial(block, row, height, False))
