"""Exact sums: every bit right for any float32, in any order, however many blocks they come in."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from neuralviews.statistics import sums
from neuralviews.statistics.sums import ExactSums

ANY_FLOATS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
)


def expected(rows: NDArray[np.float32]) -> tuple[list[Fraction], list[Fraction]]:
    columns = [[Fraction(float(x)) for x in column] for column in rows.T]
    return [sum(c, Fraction()) for c in columns], [sum((x * x for x in c), Fraction()) for c in columns]


def found(exact: ExactSums) -> tuple[list[Fraction], list[Fraction]]:
    first, second = exact.totals()
    return [Fraction(x, 2**149) for x in first], [Fraction(x, 2**298) for x in second]


@settings(max_examples=200, deadline=None)
@given(rows=ANY_FLOATS, cut=st.integers(0, 12))
def test_sums_are_exact_in_any_blocks_and_order(rows: NDArray[np.float32], cut: int) -> None:
    exact = ExactSums(rows.shape[1])
    for block in (rows[cut:], rows[:cut]):
        assert exact.add(block) is None
    assert exact.rows == len(rows)
    assert found(exact) == expected(rows)


@pytest.mark.parametrize(
    "value", [2.0**-149, -(2.0**-126), 3.4028234663852886e38, -0.0, 1 + 2.0**-23, 255 * 2.0**-130]
)
def test_every_corner_of_float32(value: float) -> None:
    rows = np.full((1000, 1), value, np.float32)
    exact = ExactSums(1)
    exact.add(rows)
    assert found(exact) == ([1000 * Fraction(value)], [1000 * Fraction(value) ** 2])


def test_bins_are_emptied_before_they_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest number that one row adds to a bin fits it as often as rows may be added."""
    largest = (2.0**24 - 1) * 2.0 ** (sums._POWERS - 1 - 13)  # all bits set, the last power of its bin
    assert sums._MOST_ROWS * ((2**24 - 1) << 2 * (sums._POWERS - 1)) < 2**63
    monkeypatch.setattr(sums, "_MOST_ROWS", 5)
    rows = np.full((3, 2), largest, np.float32)
    exact = ExactSums(2)
    for _ in range(4):
        exact.add(rows)
    assert found(exact) == ([12 * Fraction(largest)] * 2, [12 * Fraction(largest) ** 2] * 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(value: float) -> None:
    rows = np.zeros((5, 3), np.float32)
    rows[2, 1] = rows[4, 0] = value
    assert ExactSums(3).add(rows) == 2


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is counted on Linux only")
def test_emptying_makes_no_pages_of_bins_that_are_not_in_use() -> None:
    """Weights of a trained field use a few of the 32 bins; all of them would be six times as much memory."""
    exact = ExactSums(200_000)
    exact.add(np.ones((2, 200_000), np.float32))
    before = resident_bytes()
    exact._empty_bins()
    assert resident_bytes() - before < exact._bins.nbytes / 2
    exact.add(np.ones((1, 200_000), np.float32))
    first, second = exact.totals()
    assert set(first) == {3 << 149}
    assert set(second) == {3 << 298}


def resident_bytes() -> int:
    """How much memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
