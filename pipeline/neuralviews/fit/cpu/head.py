"""The output layer: errors of sixteen points at once, and the gradients that flow from them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from .emit import Emitter, Value, kernel
from .kernels import over_columns
from .layout import FEW, LANES

__all__ = ["head_gradient", "output_errors"]

FUSED_CHANNELS = range(1, FEW + 2)
GROUP = 4  # points whose partial sums are in registers together


def fold(e: Emitter, vectors: Sequence[Value], half: int) -> Value:
    """Add the two halves of every run of ``2 * half`` partial sums, down to one number per run.

    Two vectors fold into one, whose runs are those of the first and then those of the second; so
    sixteen vectors end as one, with the sum of vector i in lane i.
    """
    if len(vectors) == 1:
        return vectors[0]
    middle = len(vectors) // 2
    first, second = (fold(e, part, half * 2) for part in (vectors[:middle], vectors[middle:]))
    low = [run + i for run in range(0, 2 * LANES, 2 * half) for i in range(half)]
    return e.add(e.shuffle(first, second, low), e.shuffle(first, second, [i + half for i in low]))


@kernel
def output_errors(
    any_width: Emitter,
    weights: Any,
    weights_at: Value,
    bias: Value,
    units: Any,
    units_at: Value,
    lanes: Value,
    targets: Any,
    targets_at: Value,
    scale: Value,
    errors: Any,
    deltas: Any,
    errors_at: Value,
) -> None:
    """Errors of one channel at sixteen points, and these times ``scale``, the deltas."""
    e = Emitter(any_width.builder, LANES)
    sums: list[Value] = []
    for group in range(0, LANES, GROUP):
        rows = [e.index(units_at, e.times(lanes, group + i)) for i in range(GROUP)]
        weight = e.load(weights, weights_at)
        partials = [e.variable(e.multiply(weight, e.load(units, row))) for row in rows]
        with e.loop(LANES, lanes, LANES) as feature:
            weight = e.load(weights, e.index(weights_at, feature))
            for partial, row in zip(partials, rows, strict=True):
                partial.set(e.fma(weight, e.load(units, e.index(row, feature)), partial.get()))
        sums += [partial.get() for partial in partials]
    outputs = e.add(fold(e, sums, 1), e.splat(bias))
    error = e.subtract(outputs, e.load(targets, targets_at))
    e.store(error, errors, errors_at)
    e.store(e.multiply(error, e.splat(scale)), deltas, errors_at)


@kernel
def head_gradient(
    e: Emitter,
    deltas: Any,
    deltas_at: Value,
    channel_stride: Value,
    channels: Value,
    units: Any,
    units_at: Value,
    lanes: Value,
    slopes: Any,
    slopes_at: Value,
    cosines: Any,
    cosines_at: Value,
    gradient: Any,
    gradient_at: Value,
    points: Value,
) -> None:
    """Both products of the output layer's deltas, for a number of channels in `FUSED_CHANNELS`.

    gradient (channels, lanes) += deltas @ units, points ascending, and
    cosines (points, lanes) *= deltas.T @ slopes, from +0, channels ascending.
    """

    def block(count: int, column: Value, width: int) -> None:
        offsets = [e.index(column, j * e.lanes) for j in range(width)]
        places = [[e.index(e.times(lanes, c), offset) for offset in offsets] for c in range(count)]
        slope = [[e.load(slopes, e.index(slopes_at, place)) for place in row] for row in places]
        sums = [
            [e.variable(e.load(gradient, e.index(gradient_at, place))) for place in row] for row in places
        ]
        with e.loop(0, points) as point:
            row = e.times(point, lanes)
            delta = [
                e.splat(e.load_scalar(deltas, e.index(deltas_at, point, e.times(channel_stride, c))))
                for c in range(count)
            ]
            for j, offset in enumerate(offsets):
                unit = e.load(units, e.index(units_at, row, offset))
                product = e.splat(0.0)
                for c in range(count):
                    sums[c][j].set(e.fma(delta[c], unit, sums[c][j].get()))
                    product = e.fma(delta[c], slope[c][j], product)
                place = e.index(cosines_at, row, offset)
                e.store(e.multiply(product, e.load(cosines, place)), cosines, place)
        for row, row_sums in zip(places, sums, strict=True):
            for place, total in zip(row, row_sums, strict=True):
                e.store(total.get(), gradient, e.index(gradient_at, place))

    for count in FUSED_CHANNELS:
        with e.when_equal(channels, count):
            over_columns(e, lanes, partial(block, count))
