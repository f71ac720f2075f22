"""The matrix products of a fit, each with what is fused to it; `ordered` states the order of every sum.

Arrays are flat. Widths of layers are padded to `layout.LANES`, so a row of features is a whole number
of vectors.
"""

from functools import partial
from typing import Any

from ...vector.emit import Emitter, Value, blocking, kernel
from ...vector.product import Scalars, Vectors, accumulate, over_columns

__all__ = ["forward", "input_gradient", "weight_gradient"]

SINGLE_BLOCKS = (1, 2, 3)  # rows of the first layer's weights, one per coordinate, and of few channels


@kernel
def forward(
    e: Emitter,
    inputs: Any,
    stride: Value,
    fan_in: Value,
    weights: Any,
    bias: Any,
    sines: Any,
    cosines: Any,
    lanes: Value,
    rows: Value,
) -> None:
    """sines, cosines (rows, lanes) = sincospi(bias + inputs (rows, fan_in) @ weights (fan_in, lanes)).

    Each sum starts from the bias and runs over ``fan_in`` ascending. ``rows`` is rounded up to a block.
    """
    height = blocking().rows

    def block(row: Value, column: Value, width: int) -> None:
        starts = [e.load(bias, e.index(column, j * e.lanes)) for j in range(width)]
        sums = [[e.variable(start) for start in starts] for _ in range(height)]
        points = Scalars(inputs, e.times(row, stride), stride, e.index(1))
        accumulate(e, sums, fan_in, points, Vectors(weights, column, lanes))
        for i in range(height):
            for j in range(width):
                at = e.index(e.times(e.index(row, i), lanes), column, j * e.lanes)
                sine, cosine = e.sincospi(sums[i][j].get())
                e.store(sine, sines, at)
                e.store(cosine, cosines, at)

    with e.loop(0, rows, height) as row:
        over_columns(e, lanes, partial(block, row))


@kernel
def input_gradient(
    e: Emitter,
    deltas: Any,
    point_stride: Value,
    feature_stride: Value,
    fan_out: Value,
    weights: Any,
    cosines: Any,
    lanes: Value,
    rows: Value,
) -> None:
    """cosines (rows, lanes) *= deltas (rows, fan_out) @ weights (fan_out, lanes).

    Each sum starts from +0 and runs over ``fan_out`` ascending. ``rows`` is rounded up to a block.
    """
    height = blocking().rows

    def block(row: Value, column: Value, width: int) -> None:
        sums = [[e.variable(e.splat(0.0)) for _ in range(width)] for _ in range(height)]
        points = Scalars(deltas, e.times(row, point_stride), point_stride, feature_stride)
        accumulate(e, sums, fan_out, points, Vectors(weights, column, lanes))
        for i in range(height):
            for j in range(width):
                at = e.index(e.times(e.index(row, i), lanes), column, j * e.lanes)
                e.store(e.multiply(sums[i][j].get(), e.load(cosines, at)), cosines, at)

    with e.loop(0, rows, height) as row:
        over_columns(e, lanes, partial(block, row))


@kernel
def weight_gradient(
    e: Emitter,
    inputs: Any,
    row_stride: Value,
    point_stride: Value,
    rows: Value,
    bias_rows: Value,
    deltas: Any,
    lanes: Value,
    gradient: Any,
    bias_gradient: Any,
    points: Value,
) -> None:
    """gradient (rows, lanes) += inputs (rows, points) @ deltas (points, lanes), points ascending.

    The first ``bias_rows`` rows (none, one of `SINGLE_BLOCKS`, or a block) also sum the deltas into
    the gradient of the bias. The other rows are a whole number of blocks.
    """
    height = blocking().rows

    def block(row: Value, size: int, with_bias: bool, column: Value, width: int) -> None:
        def at(i: int, j: int) -> Value:
            return e.index(e.times(e.index(row, i), lanes), column, j * e.lanes)

        places = [e.index(column, j * e.lanes) for j in range(width)] if with_bias else []
        bias = [e.variable(e.load(bias_gradient, place)) for place in places]
        sums = [[e.variable(e.load(gradient, at(i, j))) for j in range(width)] for i in range(size)]
        features = Scalars(inputs, e.times(row, row_stride), row_stride, point_stride)
        accumulate(e, sums, points, features, Vectors(deltas, column, lanes), bias)
        for total, place in zip(bias, places, strict=True):
            e.store(total.get(), bias_gradient, place)
        for i in range(size):
            for j in range(width):
                e.store(sums[i][j].get(), gradient, at(i, j))

    for size in (*SINGLE_BLOCKS, height):
        with e.when_equal(bias_rows, size):
            over_columns(e, lanes, partial(block, e.index(0), size, True))
    with e.loop(bias_rows, rows, height) as row:
        over_columns(e, lanes, partial(block, row, height, False))
