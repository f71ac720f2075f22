"""The vector code of alignment that moves and multiplies weights.

Arrays are flat, and rows are padded to whole vectors. A sum of products is one chain of fused
multiply-adds from +0, ascending. Padding holds what comes next in memory, where it is not said.
"""

from functools import partial
from typing import Any

from ..vector.emit import Emitter, Value, blocking, kernel
from ..vector.product import Scalars, Vectors, accumulate, over_columns
from ..vector.search import LANES, Searcher

__all__ = ["bring_rows", "half_squares", "product", "transpose"]


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


@kernel
def bring_rows(
    emitter: Any, source: Any, stride: Value, perm: Any, factor: Any, rows: Value, lanes: Value, out: Any
) -> None:
    """out (rows, lanes): row k is ``factor[k]`` times row ``perm[k]`` of ``source``.

    Rows of ``source`` begin ``stride`` apart.
    """
    e = Searcher(emitter.builder)
    with e.loop(0, rows) as k:
        start, scale = e.times(e.load_integer(perm, k), stride), e.splat(e.load_scalar(factor, k))
        with e.loop(0, lanes, LANES) as at:
            moved = e.multiply(scale, e.load(source, e.index(start, at)))
            e.store(moved, out, e.index(e.times(k, lanes), at))


@kernel
def half_squares(emitter: Any, source: Any, stride: Value, rows: Value, lanes: Value, out: Any) -> None:
    """out (lanes,) += half the sum of squares of each column of ``source``, rows ascending.

    Rows begin ``stride`` apart.
    """
    e = Searcher(emitter.builder)
    half = e.splat(0.5)
    with e.loop(0, lanes, LANES) as at:
        total = e.variable(e.load(out, at))
        with e.loop(0, rows) as k:
            value = e.load(source, e.index(e.times(k, stride), at))
            total.set(e.fma(e.multiply(half, value), value, total.get()))
        e.store(total.get(), out, at)


def exchanged(e: Emitter, square: list[Value]) -> list[Value]:
    """The transpose of 16 vectors of 16 lanes: blocks off the diagonal change places, at every size."""
    for distance in (1, 2, 4, 8):
        for i in range(LANES):
            if i & distance:
                continue
            a, b = square[i], square[i + distance]
            near = [lane + (LANES - distance) * (lane & distance > 0) for lane in range(LANES)]
            far = [lane + (distance if not lane & distance else LANES) for lane in range(LANES)]
            square[i], square[i + distance] = e.shuffle(a, b, near), e.shuffle(a, b, far)
    return square


@kernel
def transpose(emitter: Any, source: Any, count: Value, lanes: Value, out: Any) -> None:
    """out (count, lanes) = the transpose of ``source`` (lanes, count)."""
    e = Searcher(emitter.builder)
    whole = e.round_down(count, LANES)
    with e.loop(0, lanes, LANES) as row:
        with e.loop(0, whole, LANES) as column:
            places = [e.index(e.times(e.index(row, i), count), column) for i in range(LANES)]
            for i, vector in enumerate(exchanged(e, [e.load(source, place) for place in places])):
                e.store(vector, out, e.index(e.times(e.index(column, i), lanes), row))
        with e.loop(whole, count) as column, e.loop(row, e.index(row, LANES)) as unit:
            number = e.load_scalar(source, e.index(e.times(unit, count), column))
            e.store_scalar(number, out, e.index(e.times(column, lanes), unit))
