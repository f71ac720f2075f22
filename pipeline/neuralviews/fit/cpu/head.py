"""The output layer: errors of sixteen points at once, and the gradients that flow from them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...vector.emit import Emitter, Value, kernel
from ...vector.product import over_columns
from .layout import FEW, LANES

__all__ = ["head_gradient", "output_errors"]

FUSED_CHANNELS = range(1, FEW + 2)
QUARTER = 4  # lanes of 128 bits


def fold(e: Emitter, vectors: Sequence[Value], half: int) -> tuple[Value, list[int]]:
    """Add the upper to the lower half of every run of ``2 * half`` partial sums, down to one sum per vector.

    Two vectors fold into one. Quarters of a vector move as a whole while runs are longer than a
    quarter, and within their quarter after that: such moves are single instructions.

    Returns:
        The folded vector, and for each lane the vector whose sum it is part of.
    """
    if len(vectors) == 1:
        return vectors[0], [0] * LANES
    middle = len(vectors) // 2
    (first, owners), (second, _) = (fold(e, part, half * 2) for part in (vectors[:middle], vectors[middle:]))
    low = [i for i in range(2 * LANES) if not i & half]
    if half < QUARTER:
        low = [
            start + vector * LANES + i
            for start in range(0, LANES, QUARTER)
            for vector in range(2)
            for i in range(QUARTER)
            if not i & half
        ]
    both = owners + [middle + owner for owner in owners]
    total = e.add(e.shuffle(first, second, low), e.shuffle(first, second, [i + half for i in low]))
    return total, [both[i] for i in low]


def channel_outputs(
    e: Emitter, weights: Any, weights_at: Value, units: Any, units_at: Value, lanes: Value
) -> Value:
    """Weights (lanes) times units (sixteen points, lanes), in sixteen partial sums each, folded."""
    rows = [e.index(units_at, e.times(lanes, i)) for i in range(LANES)]
    weight = e.load(weights, weights_at)
    sums = [e.variable(e.multiply(weight, e.load(units, row))) for row in rows]
    with e.loop(LANES, lanes, LANES) as feature:
        weight = e.load(weights, e.index(weights_at, feature))
        for total, row in zip(sums, rows, strict=True):
            total.set(e.fma(weight, e.load(units, e.index(row, feature)), total.get()))
    folded, owners = fold(e, [total.get() for total in sums], 1)
    return e.shuffle(folded, folded, [owners.index(i) for i in range(LANES)])


@kernel
def output_errors(
    any_width: Emitter,
    weights: Any,
    bias: Any,
    offset: Value,
    channels: Value,
    units: Any,
    lanes: Value,
    targets: Any,
    targets_stride: Value,
    logits: Value,
    scale: Value,
    errors: Any,
    deltas: Any,
    stride: Value,
    points: Value,
) -> None:
    """Errors (channels, points) of a tile, and these times ``scale``, the deltas; sixteen points at once.

    The field gives its output, or with ``logits`` the sigmoid of it.
    """
    e = Emitter(any_width.builder, LANES)

    def all_points(gives: Callable[[Value], Value]) -> None:
        with e.loop(0, points, LANES) as point, e.loop(0, channels) as channel:
            outputs = channel_outputs(
                e, weights, e.times(channel, lanes), units, e.times(point, lanes), lanes
            )
            constant = e.add(e.load_scalar(bias, channel), offset)
            target = e.load(targets, e.index(e.times(channel, targets_stride), point))
            error = e.subtract(gives(e.add(outputs, e.splat(constant))), target)
            at = e.index(e.times(channel, stride), point)
            e.store(error, errors, at)
            e.store(e.multiply(error, e.splat(scale)), deltas, at)

    with e.builder.if_else(logits) as (with_sigmoid, without):  # a branch within the loop would slow it down
        with with_sigmoid:
            all_points(e.sigmoid)
        with without:
            all_points(lambda output: output)


@kernel
def head_gradient(
    e: Emitter,
    errors: Any,
    deltas: Any,
    stride: Value,
    channels: Value,
    units: Any,
    cosines: Any,
    lanes: Value,
    slopes: Any,
    gradient: Any,
    bias_gradient: Any,
    squares: Any,
    points: Value,
) -> None:
    """All that follows from the errors of a tile, for a number of channels in `FUSED_CHANNELS`.

    gradient (channels, lanes) += deltas @ units, points ascending;
    cosines (points, lanes) *= deltas.T @ slopes, from +0, channels ascending;
    bias_gradient (channels) += deltas, points ascending; and
    squares += errors * errors, points ascending, channels inside. The last two are chains of
    dependent scalar instructions, which run in the shade of the vector instructions.
    """

    def block(count: int, column: Value, width: int) -> None:
        offsets = [e.index(column, j * e.lanes) for j in range(width)]
        places = [[e.index(e.times(lanes, c), offset) for offset in offsets] for c in range(count)]
        slope = [[e.load(slopes, place) for place in row] for row in places]
        sums = [[e.variable(e.load(gradient, place)) for place in row] for row in places]
        bias = [e.variable(e.load_scalar(bias_gradient, e.index(c))) for c in range(count)]
        total = e.variable(e.load_scalar(squares, e.index(0)))
        with e.loop(0, points) as point:
            at = [e.index(point, e.times(stride, c)) for c in range(count)]
            delta = [e.load_scalar(deltas, place) for place in at]
            with e.when_equal(column, 0):
                for c in range(count):
                    error = e.load_scalar(errors, at[c])
                    total.set(e.fma(error, error, total.get()))
                    bias[c].set(e.add(bias[c].get(), delta[c]))
            for j, offset in enumerate(offsets):
                place = e.index(e.times(point, lanes), offset)
                unit, product = e.load(units, place), e.splat(0.0)
                for c in range(count):
                    sums[c][j].set(e.fma(e.splat(delta[c]), unit, sums[c][j].get()))
                    product = e.fma(e.splat(delta[c]), slope[c][j], product)
                e.store(e.multiply(product, e.load(cosines, place)), cosines, place)
        for c in range(count):
            for vector, place in zip(sums[c], places[c], strict=True):
                e.store(vector.get(), gradient, place)
            e.store_scalar(bias[c].get(), bias_gradient, e.index(c))
        e.store_scalar(total.get(), squares, e.index(0))

    for count in FUSED_CHANNELS:
        with e.when_equal(channels, count):
            over_columns(e, lanes, partial(block, count))
