"""Assignments cost what SciPy's do, their duals prove it, and all machines find the same ones."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from neuralviews.symmetry import assignment

from .assignment_cases import EXACT, KINDS, SIZES, Floats, Integers, digest, solved

ROOT = Path(__file__).parents[2]
EPSILON = float(np.finfo(np.float32).eps)


def total(costs: Floats, column_of: Integers) -> float:
    """The cost of an assignment, which has to be a permutation."""
    assert sorted(column_of) == list(range(len(costs)))
    return float(costs[np.arange(len(costs)), column_of].astype(np.float64).sum())


def least(costs: Floats) -> float:
    rows, columns = linear_sum_assignment(costs.astype(np.float64))
    return float(costs[rows, columns].astype(np.float64).sum())


def tolerance(costs: Floats) -> float:
    return 4 * EPSILON * len(costs) * float(np.abs(costs).max())


@pytest.mark.parametrize("kind", KINDS)
def test_the_cost_is_the_least(kind: str) -> None:
    rng = np.random.default_rng(0)
    for n in SIZES:
        costs = KINDS[kind](rng, n)
        column_of, _ = solved(costs)
        found, best = total(costs, column_of), least(costs)
        assert found == best if kind in EXACT else found <= best + tolerance(costs), n


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [0.0, 0.01, 1.0])
def test_the_cost_is_the_least_from_the_duals_of_a_similar_problem(kind: str, noise: float) -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 16, 32, 45, 64, 96, 128):
        costs = KINDS[kind](rng, n)
        _, duals = solved(costs)
        noisy = (costs * (1 + noise * rng.standard_normal((n, n)))).astype(np.float32)
        column_of, _ = solved(noisy, duals)
        assert total(noisy, column_of) <= least(noisy) + tolerance(noisy), n


@given(st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([1e-3, 1.0, 1e4]))
def test_any_duals_may_be_the_start(n: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.integers(-50, 50, (n, n)).astype(np.float32)
    start = (scale * rng.integers(-9, 9, n)).astype(np.float32)
    column_of, duals = solved(costs, start)
    assert total(costs, column_of) <= least(costs) + n * EPSILON * (100 + 30 * scale)
    assert np.all(np.isfinite(duals))


@given(st.integers(1, 70), st.integers(0, 2**32))
def test_the_duals_prove_that_the_cost_is_the_least(n: int, seed: int) -> None:
    """No reduced cost is below that of the row's own column."""
    costs = np.random.default_rng(seed).integers(-1000, 1000, (n, n)).astype(np.float32)
    column_of, duals = solved(costs)
    reduced = costs - duals
    assert np.all(reduced[np.arange(n), column_of] == reduced.min(axis=1))


@given(st.integers(1, 34), st.data())
def test_any_numbers_end_with_a_permutation(n: int, data: st.DataObject) -> None:
    numbers = st.sampled_from([0.0, -0.0, 1.0, 1e-45, 1e30, -1e30, 3e38, -3e38, np.inf, -np.inf, np.nan])
    costs = data.draw(arrays(np.float32, (n, n), elements=numbers, fill=numbers))
    start = data.draw(st.none() | arrays(np.float32, n, elements=numbers, fill=numbers))
    column_of, _ = solved(costs, start)
    assert sorted(column_of) == list(range(n))


@pytest.mark.parametrize("padding", [0.0, -3e38, 3e38])
def test_padding_does_not_matter(padding: float) -> None:
    costs = KINDS["normal"](np.random.default_rng(2), 21)
    expected, actual = solved(costs), solved(costs, padding=padding)
    for a, b in zip(expected, actual, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("columns", [32, 64, 128])
@pytest.mark.parametrize("kind", KINDS)
def test_columns_in_registers_and_in_memory_are_assigned_alike(columns: int, kind: str) -> None:
    rng = np.random.default_rng(3)
    for size in (columns - 15, columns):
        cost = np.zeros((size, columns), np.float32)
        cost[:, :size] = KINDS[kind](rng, size)
        results = []
        for assign in (assignment.assign, getattr(assignment, f"assign_{columns}")):
            duals = np.zeros(columns, np.float32)
            duals[size:] = -np.inf
            row_of, column_of = np.full(columns, -1, np.int32), np.full(size, -1, np.int32)
            work = (np.empty(3 * columns, dtype) for dtype in (np.float32, np.int32))
            assign(cost.ravel(), duals, row_of, column_of, *work)
            results.append((duals.tobytes(), row_of.tobytes(), column_of.tobytes()))
        assert results[0] == results[1]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names CPUs of x86-64")
@pytest.mark.parametrize(
    ("lanes", "named"),
    [
        (8, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}),
        (4, {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}),
    ],
)
def test_other_instruction_sets_find_the_same_assignments(lanes: int, named: dict[str, str]) -> None:
    code = (
        "from neuralviews.vector.emit import blocking\n"
        "from tests.symmetry.assignment_cases import digest\n"
        "print(blocking().lanes, digest())"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", code], text=True, cwd=ROOT, env={**os.environ, **named}
    )
    assert output.split() == [str(lanes), digest()]
