"""The vector code of alignment against NumPy: exact where numbers are small integers, else in float64."""

from itertools import product

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from neuralviews.symmetry.matching_kernels import match_costs
from neuralviews.symmetry.product_kernels import bring_rows, half_squares, transpose

from .fields import draws_of

Floats = NDArray[np.float32]
HALF_TURN = 0.1


@njit
def run_transpose(source, count, lanes, out):  # type: ignore[no-untyped-def]
    transpose(source, count, lanes, out)


@njit
def run_half_squares(source, stride, rows, lanes, out):  # type: ignore[no-untyped-def]
    half_squares(source, stride, rows, lanes, out)


@njit
def run_bring_rows(source, stride, perm, factor, rows, lanes, out):  # type: ignore[no-untyped-def]
    bring_rows(source, stride, perm, factor, rows, lanes, out)


@njit
def run_match_costs(group, turns, products, biases, norms, lanes, rows, costs):  # type: ignore[no-untyped-def]
    p, q = products
    match_costs(group, turns, p, q, biases[0], biases[1], norms[0], norms[1], lanes, rows, costs)


def integers(seed: int, count: int) -> Floats:
    return draws_of(seed, 1).integers(-9, 9, count)[0].astype(np.float32)


@pytest.mark.parametrize("lanes", [16, 48])
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 32, 40])
def test_rows_become_columns(count: int, lanes: int) -> None:
    source = np.arange(lanes * count, dtype=np.float32)
    out = np.full(count * lanes, np.nan, np.float32)
    run_transpose(source, count, lanes, out)
    assert np.array_equal(out.reshape(count, lanes), source.reshape(lanes, count).T)


@pytest.mark.parametrize("rows", [1, 5])
def test_half_squares_are_added_to_what_is_there(rows: int) -> None:
    stride, lanes = 20, 32
    source, out = integers(1, rows * stride + lanes), integers(2, lanes)
    columns = np.stack([source[k * stride : k * stride + lanes] for k in range(rows)])
    expected = out + (columns**2).sum(axis=0) / 2
    run_half_squares(source, stride, rows, lanes, out)
    assert np.array_equal(out, expected)


def test_rows_are_brought_in_order_and_times_their_factors() -> None:
    stride, rows, lanes = 20, 7, 32
    source, factor = integers(3, 12 * stride), integers(4, rows)
    perm = np.array([3, 0, 6, 1, 5, 2, 4], np.int32)
    out = np.empty(rows * lanes, np.float32)
    run_bring_rows(source, stride, perm, factor, rows, lanes, out)
    expected = [f * source[p * stride : p * stride + lanes] for p, f in zip(perm, factor, strict=True)]
    assert np.array_equal(out.reshape(rows, lanes), np.stack(expected))


@pytest.mark.parametrize("group", [0, 1, 2])
def test_a_match_costs_half_the_least_squared_distance(group: int) -> None:
    width, lanes = 13, 16
    draws = draws_of(5, 2)
    incoming, outgoing, biases = (
        draws.child(i).normal(lanes * n).reshape(2, lanes, n).astype(np.float32)
        for i, n in enumerate((3, 4, 1))
    )
    biases = biases[:, :, 0].copy()
    products = tuple((a.astype(np.float64) @ b.T).astype(np.float32).ravel() for a, b in (incoming, outgoing))
    norms = ((incoming**2).sum(axis=2) + (outgoing**2).sum(axis=2)) / 2
    turns = np.array([HALF_TURN, -2 * HALF_TURN, 1 / (2 * HALF_TURN)], np.float32)
    costs = np.empty(width * lanes, np.float32)
    run_match_costs(group, turns, products, biases, norms, lanes, width, costs)
    least = np.full((lanes, lanes), np.inf)
    for sign, phase in product((1, -1) if group else (1,), range(-99, 100) if group == 2 else (0,)):
        moved = (sign * incoming[1], sign * (-1) ** phase * outgoing[1])
        distance = (biases[0][:, None] - sign * biases[1] - phase * HALF_TURN) ** 2
        for old, new in zip((incoming[0], outgoing[0]), moved, strict=True):
            distance = distance + ((old[:, None].astype(np.float64) - new) ** 2).sum(axis=2)
        least = np.minimum(least, distance / 2)
    assert np.allclose(costs.reshape(width, lanes), least[:width], rtol=0, atol=1e-5)
