"""The vector code of alignment: products of weights, and what it costs to match two units.

Arrays are flat, and rows are padded to whole vectors. A sum of products is one chain of fused
multiply-adds from +0, ascending.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..vector.emit import Emitter, Value, blocking, kernel
from ..vector.product import Scalars, Vectors, accumulate, over_columns
from ..vector.sincospi import ROUND_TO_INTEGER

__all__ = ["MOST_TURNS", "match_costs", "product"]

MOST_TURNS = float(1 << 21)
"""Largest shift in full turns: float32 numbers of this size still tell integers apart."""


@kernel
def product(
    e: Emitter,
    scalars: Any,
    row_stride: Value,
    stride: Value,
    count: Value,
    vectors: Any,
    lanes: Value,
    rows: Value,
    out: Any,
) -> None:
    """out (rows, lanes) = scalars (rows, count) @ vectors (count, lanes); ``rows`` is rounded up to a block.

    The scalar of row i and column k is at ``i * row_stride + k * stride``.
    """
    height = blocking().rows

    def block(row: Value, column: Value, width: int) -> None:
        sums = [[e.variable(e.splat(0.0)) for _ in range(width)] for _ in range(height)]
        left = Scalars(scalars, e.times(row, row_stride), row_stride, stride)
        accumulate(e, sums, count, left, Vectors(vectors, column, lanes))
        for i, totals in enumerate(sums):
            for j, total in enumerate(totals):
                at = e.index(e.times(e.index(row, i), lanes), column, j * e.lanes)
                e.store(total.get(), out, at)

    with e.loop(0, rows, height) as row:
        over_columns(e, lanes, partial(block, row))


def smaller(e: Emitter, a: Value, b: Value) -> Value:
    return e.builder.select(e.builder.fcmp_ordered("<", a, b), a, b)


def nearest_turns(e: Emitter, turns: Value) -> Value:
    """The nearest integer, half to even, up to `MOST_TURNS` either way."""
    most, least, magic = (e.splat(x) for x in (MOST_TURNS, -MOST_TURNS, ROUND_TO_INTEGER))
    turns = smaller(e, turns, most)
    turns = e.builder.select(e.builder.fcmp_ordered("<", turns, least), least, turns)
    return e.subtract(e.add(turns, magic), magic)


def candidates(e: Emitter, group: int) -> Sequence[tuple[int, bool]]:
    """Sign, and whether the phase is odd, of every element of one unit's group, phases taken together."""
    signs = (1,) if group == 0 else (1, -1)
    return [(sign, odd) for sign in signs for odd in ((False, True) if group == 2 else (False,))]


@kernel
def match_costs(
    e: Emitter,
    group: Value,
    turns: Any,
    incoming: Any,
    outgoing: Any,
    targets: Any,
    biases: Any,
    lanes: Value,
    rows: Value,
    costs: Any,
) -> None:
    """costs (rows, lanes): the least cost of matching each unit of A (row) with each of B (column).

    That of sign s and phase k is ``(a - s b - k pi/omega)^2 / 2 - s (incoming + (-1)^k outgoing)``, for
    biases a and b. ``turns`` are pi/omega, -2 pi/omega and omega/(2 pi).
    """
    half, minus_full, per_full = (e.splat(e.load_scalar(turns, e.index(i))) for i in range(3))
    one_half = e.splat(0.5)

    def cost(error: Value, gain: Value, sign: int) -> Value:
        halved = e.multiply(one_half, error)
        return e.fma(halved, error, e.builder.fneg(gain) if sign > 0 else gain)

    def least(number: int, target: Value, row: Value, column: Value) -> None:
        at = e.index(e.times(row, lanes), column)
        p, q, b = e.load(incoming, at), e.load(outgoing, at), e.load(biases, column)
        best = None
        for sign, odd in candidates(e, number):
            error = e.subtract(target, b) if sign > 0 else e.add(target, b)
            if number == 2:
                turns = e.fma(error, per_full, e.splat(-0.5 if odd else 0.0))
                error = e.subtract(error, half) if odd else error
                error = e.fma(minus_full, nearest_turns(e, turns), error)
            found = cost(error, e.subtract(p, q) if odd else e.add(p, q), sign)
            best = found if best is None else smaller(e, found, best)
        e.store(best, costs, at)

    for number in range(3):
        with e.when_equal(group, number), e.loop(0, rows) as row:
            target = e.splat(e.load_scalar(targets, row))
            with e.loop(0, lanes, e.lanes) as column:
                least(number, target, row, column)
