"""The minimum-cost assignment of rows to columns, called from compiled code.

Shortest augmenting paths after a cheap start: R. Jonker and A. Volgenant, "A shortest augmenting path
algorithm for dense and sparse linear assignment problems", Computing 38 (1987). Of their start, each
row is reduced once: on costs of aligned networks, repeating that costs about what it spares.
"""

from typing import Any

import numpy as np
from numba import njit

from ..vector.search import LANES
from .assignment_kernels import augmentation, reduce_columns, row_reduction

__all__ = ["COLUMNS", "WORK", "padded", "solve"]

COLUMNS = LANES
"""A row of costs is padded to a multiple of so many columns."""
WORK = 3
"""Work space of each type, in rows of costs."""


def padded(size: int) -> int:
    """The columns of a row of costs with ``size`` columns that count."""
    return -(-size // COLUMNS) * COLUMNS


def assigning(fixed: int) -> Any:
    """Compiled code that assigns all free rows, for ``fixed`` columns, or if 0 for any number."""
    reduce_rows, augment = row_reduction(fixed), augmentation(fixed)

    @njit
    def assign(cost, duals, row_of, column_of, floats, integers):  # type: ignore[no-untyped-def]
        columns, size = duals.size, column_of.size
        reduce_rows(cost, size, columns, duals, row_of, column_of)
        for row in range(size):
            if column_of[row] < 0:
                work = floats, (floats, columns), (integers, columns), (integers, 2 * columns)
                augment(cost, row, columns, duals, row_of, column_of, *work)
            if column_of[row] < 0:
                column = 0
                while row_of[column] >= 0:
                    column += 1
                column_of[row], row_of[column] = column, row

    return assign


assign, assign_32, assign_64, assign_128 = (assigning(fixed) for fixed in (0, 32, 64, 128))


@njit
def solve(cost, duals, warm, column_of, floats, integers):  # type: ignore[no-untyped-def]
    """Assign every row a column of its own, so that the sum of their costs is least.

    The sum is the least up to the rounding of float32 sums along a path. Equal inputs give equal
    outputs on every machine. Any numbers end with a permutation, but one that need not be the best if
    sums of them overflow or if they are not numbers.

    Args:
        cost: float32 (size * columns,), row after row; ``columns`` is `padded(size)`, and the columns
            from ``size`` on may hold any finite numbers.
        duals: float32 (columns,), in and out: the dual variables of the columns.
        warm: begin with the ``duals`` given, say those of a similar problem: any finite ones are right.
        column_of: int32 (size,), out: the column of each row.
        floats, integers: work space, float32 and int32 (at least ``WORK * columns``,).
    """
    size, columns = column_of.size, duals.size
    row_of = integers[:columns]
    row_of[:] = -1
    column_of[:] = -1
    if not warm:
        reduce_columns(cost, size, columns, duals, (integers, columns))
        for column in range(size - 1, -1, -1):
            row = integers[columns + column]
            if column_of[row] < 0:
                column_of[row], row_of[column] = column, row
    duals[size:] = -np.inf
    if columns == 32:
        assign_32(cost, duals, row_of, column_of, floats, integers)
    elif columns == 64:
        assign_64(cost, duals, row_of, column_of, floats, integers)
    elif columns == 128:
        assign_128(cost, duals, row_of, column_of, floats, integers)
    else:
        assign(cost, duals, row_of, column_of, floats, integers)
