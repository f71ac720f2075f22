"""What happens once a step to the weights: Adam's update, and the scaled copies that the products read."""

from typing import Any

from ...vector.emit import Emitter, Value, kernel

__all__ = ["adam", "scaled", "transposed"]


@kernel
def adam(
    e: Emitter,
    parameters: Any,
    gradient: Any,
    first: Any,
    second: Any,
    count: Value,
    size: Value,
    correction: Value,
    constants: Any,
) -> None:
    """One update of ``count`` parameters and their moments, each by itself; constants: `Constants.adam`."""
    beta1, beta2, rest1, rest2, epsilon = (e.splat(e.load_scalar(constants, e.index(i))) for i in range(5))
    correction, minus_size = e.splat(correction), e.splat(e.builder.fneg(size))
    with e.loop(0, count, e.lanes) as at:
        slope = e.load(gradient, at)
        mean = e.fma(rest1, slope, e.multiply(beta1, e.load(first, at)))
        square = e.fma(e.multiply(rest2, slope), slope, e.multiply(beta2, e.load(second, at)))
        ratio = e.divide(mean, e.fma(e.square_root(square), correction, epsilon))
        e.store(mean, first, at)
        e.store(square, second, at)
        e.store(e.fma(minus_size, ratio, e.load(parameters, at)), parameters, at)


@kernel
def scaled(e: Emitter, source: Any, target: Any, count: Value, factor: Value) -> None:
    """target = factor * source, ``count`` numbers."""
    scale = e.splat(factor)
    with e.loop(0, count, e.lanes) as at:
        e.store(e.multiply(scale, e.load(source, at)), target, at)


@kernel
def transposed(e: Emitter, source: Any, rows: Value, columns: Value, target: Any, factor: Value) -> None:
    """target (columns, rows) = factor * source (rows, columns), both whole numbers of vectors.

    A square of vectors is transposed by exchanging its off-diagonal quarters at every scale.
    """
    scale = e.splat(factor)
    with e.loop(0, rows, e.lanes) as row, e.loop(0, columns, e.lanes) as column:
        square = [
            e.multiply(scale, e.load(source, e.index(e.times(e.index(row, i), columns), column)))
            for i in range(e.lanes)
        ]
        half = e.lanes // 2
        while half:
            square = exchange_quarters(e, square, half)
            half //= 2
        for i, vector in enumerate(square):
            e.store(vector, target, e.index(e.times(e.index(column, i), rows), row))


def exchange_quarters(e: Emitter, square: list[Value], half: int) -> list[Value]:
    """Swap the upper right and lower left quarter of every block of ``2 * half`` rows and columns."""
    result = list(square)
    upper = [i for i in range(e.lanes) if not i & half]
    for i in upper:
        top, bottom = square[i], square[i + half]
        left = [j if not j & half else e.lanes + j - half for j in range(e.lanes)]
        right = [j + half if not j & half else e.lanes + j for j in range(e.lanes)]
        result[i] = e.shuffle(top, bottom, left)
        result[i + half] = e.shuffle(top, bottom, right)
    return result
