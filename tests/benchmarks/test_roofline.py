"""The floor counts the work of a step, and its rates are those of this work, and nothing else."""

import math
import re

import pytest

from neuralviews.field import FieldSpec
from neuralviews.vector.sincospi import COS_PI, SIN_PI

from . import roofline
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


INSTRUCTIONS = {
    "adds": r"= (?:fadd|fsub) ",
    "multiplications": r"= fmul ",
    "fmas": r"call .*@llvm\.fma\.",
    "flips": r"= xor <",
}


def test_the_rate_of_pairs_is_that_of_pairs_alone() -> None:
    _, sincos_rounds = roofline._compiled()
    (code,) = sincos_rounds.inspect_llvm().values()  # type: ignore[attr-defined]
    counts = {kind: len(re.findall(instruction, code)) for kind, instruction in INSTRUCTIONS.items()}
    fmas = len(SIN_PI) - 1 + len(COS_PI) - 1
    a_pair = {"adds": 3, "multiplications": 2, "fmas": fmas, "flips": 2}
    assert counts == {kind: roofline.SINCOS_CHAINS * count for kind, count in a_pair.items()}
