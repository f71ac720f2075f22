"""The floor counts the work of a step, and nothing else."""

import math

import pytest

from neuralviews.field import FieldSpec

from .roofline import Roofline, floor_seconds


@pytest.mark.parametrize(
    ("dims", "multiply_adds", "pairs"),
    [([2, 32, 32, 1], 3296, 64), ([2, 64, 64, 3], 13120, 128), ([3, 32, 32, 32, 1], 6432, 96)],
)
def test_the_floor_counts_multiply_adds_and_pairs(dims: list[int], multiply_adds: int, pairs: int) -> None:
    spec = FieldSpec(dims)
    one_fma_a_second, one_pair_a_second = Roofline(2e-9, math.inf), Roofline(math.inf, 1e-9)
    assert floor_seconds(one_fma_a_second, spec, 10, 3) == pytest.approx(30 * multiply_adds)
    assert floor_seconds(one_pair_a_second, spec, 10, 3) == pytest.approx(30 * pairs)
