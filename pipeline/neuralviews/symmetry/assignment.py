"""The minimum-cost assignment of rows to columns, called from compiled code.

Shortest augmenting paths after a cheap start: R. Jonker and A. Volgenant, A shortest augmenting path
algorithm for dense and sparse linear assignment problems, Computing 38 (1987), pp. 325-340.
"""

import numpy as np
from numba import njit

__all__ = ["COLUMNS", "WORK", "padded", "solve"]

COLUMNS = 16
"""Rows of costs are padded to a multiple of so many columns."""
WORK = 3
"""Arrays of work space for each type, each as long as a row of costs."""


def padded(size: int) -> int:
    """The columns of a row of costs for ``size`` columns that count."""
    return -(-size // COLUMNS) * COLUMNS


@njit
def shortest_path(cost, duals, row_of, column_of, row, keys, open_duals, predecessors, order, distances):  # type: ignore[no-untyped-def]
    columns = duals.size
    for j in range(columns):
        key = cost[row * columns + j] - duals[j]
        keys[j] = key if key < np.float32(np.inf) else np.float32(np.inf)
        open_duals[j] = duals[j]
        predecessors[j] = row
    count = 0
    while True:
        end = 0
        for j in range(columns):
            if keys[j] < keys[end]:
                end = j
        least = keys[end]
        if not least < np.inf:
            return
        if row_of[end] < 0:
            break
        order[count] = end
        distances[count] = least
        count += 1
        i = row_of[end]
        offset = cost[i * columns + end] - duals[end] - least
        keys[end], open_duals[end] = np.inf, -np.inf
        for j in range(columns):
            through = cost[i * columns + j] - open_duals[j] - offset
            through = least if through < least else through
            if through < keys[j]:
                keys[j], predecessors[j] = through, i
    for q in range(count):
        duals[order[q]] += distances[q] - least
    while True:
        i = predecessors[end]
        row_of[end] = i
        end, column_of[i] = column_of[i], end
        if i == row:
            return


@njit
def solve(cost, duals, warm, column_of, floats, integers):  # type: ignore[no-untyped-def]
    """Assign each row the column that makes the sum of costs least; nothing is returned.

    Args:
        cost: float32 (size * columns,), row after row; ``columns`` is ``padded(size)``, and what the
            padding holds does not matter.
        duals: float32 (columns,), in and out: the columns' dual variables, any start if ``warm``.
        warm: start from ``duals``, best those of a similar problem, instead of from the costs.
        column_of: int32 (size,), out: the column of each row.
        floats, integers: float32 and int32 work space, at least ``WORK * columns`` each.
    """
    size, columns = column_of.size, duals.size
    row_of = integers[:columns]
    row_of[:] = -1
    column_of[:] = -1
    if not warm:
        duals[:] = 0
    duals[size:] = -np.inf
    for row in range(size):
        shortest_path(
            cost,
            duals,
            row_of,
            column_of,
            row,
            floats[:columns],
            floats[columns : 2 * columns],
            integers[columns : 2 * columns],
            integers[2 * columns : 3 * columns],
            floats[2 * columns : 3 * columns],
        )
        if column_of[row] < 0:
            free = 0
            while row_of[free] >= 0:
                free += 1
            column_of[row], row_of[free] = free, row
