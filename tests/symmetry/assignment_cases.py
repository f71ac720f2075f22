"""Assignment problems of all kinds, and how the tests solve them."""

from collections.abc import Callable, Iterator
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from neuralviews.symmetry.assignment import WORK, padded, solve

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

SIZES = (*range(1, 71), 96, 128, 200, 256)


def correlations(rng: np.random.Generator, n: int) -> Floats:
    """Costs as of aligning two layers: products of incoming and of outgoing weights."""
    incoming, outgoing = rng.uniform(-0.5, 0.5, (2, n, 3)), rng.uniform(-0.1, 0.1, (2, n, n))
    return (-np.abs(incoming[0] @ incoming[1].T + outgoing[0] @ outgoing[1].T)).astype(np.float32)


KINDS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.standard_normal((n, n), np.float32),
    "correlations": correlations,
    "few integers, many ties": lambda rng, n: rng.integers(0, 4, (n, n)).astype(np.float32),
    "many integers": lambda rng, n: rng.integers(-(2**15), 2**15, (n, n)).astype(np.float32),
    "constant": lambda rng, n: np.full((n, n), -7, np.float32),
    "product, sorted": lambda rng, n: np.outer(np.arange(1, n + 1), np.arange(1, n + 1)).astype(np.float32),
    "one column is best": lambda rng, n: (rng.integers(0, 9, (n, n)) - 99 * (np.arange(n) == 0)).astype(
        np.float32
    ),
    "huge range": lambda rng, n: np.float32(10) ** rng.uniform(-30, 30, (n, n)).astype(np.float32),
    "denormal": lambda rng, n: rng.integers(0, 50, (n, n)).astype(np.float32) * np.float32(1e-45),
}
EXACT = {kind for kind in KINDS if "integers" in kind or "best" in kind or kind in ("constant", "denormal")}


def solved(costs: Floats, duals: Floats | None = None, padding: float = 1e30) -> tuple[Integers, Floats]:
    """The column of each row and the duals, from ``duals`` on if given, with costs padded by a number."""
    size = len(costs)
    columns = padded(size)
    cost = np.full((size, columns), padding, np.float32)
    cost[:, :size] = costs
    start = np.full(columns, np.nan, np.float32)
    if duals is not None:
        start[:size] = duals
    column_of = np.full(size, -9, np.int32)
    work = [np.full((WORK + 1) * columns, 99, dtype) for dtype in (np.float32, np.int32)]
    solve(cost.ravel(), start, duals is not None, column_of, *work)
    assert all(np.all(space[WORK * columns :] == 99) for space in work)
    return column_of, start[:size]


def problems() -> Iterator[Floats]:
    rng = np.random.default_rng(5)
    for n in (1, 7, 16, 31, 32, 40, 64, 100, 128, 150):
        for make in KINDS.values():
            yield make(rng, n)


def digest() -> str:
    """sha256 of the solutions of all kinds of problems, cold and then warm for another one."""
    total = sha256()
    for costs in problems():
        column_of, duals = solved(costs)
        again = solved(costs[::-1].copy(), duals)
        for array in (column_of, duals, *again):
            total.update(array.tobytes())
    return total.hexdigest()
