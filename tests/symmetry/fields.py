"""Specs, weights and group elements for the tests of symmetries."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.draws import Draws, row_seeds
from neuralviews.field import FieldSpec
from neuralviews.symmetry import Element, Group

GROUPS: tuple[Group, ...] = ("perm", "sign", "phase")
SEEDS = st.integers(0, 1 << 32)


@st.composite
def specs(draw: st.DrawFn) -> FieldSpec:
    """Two to five affine layers of unequal widths, each with an omega of its own."""
    hidden = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    omega = draw(st.lists(st.floats(1, 60), min_size=len(hidden), max_size=len(hidden)))
    return FieldSpec([draw(st.integers(1, 3)), *hidden, draw(st.integers(1, 3))], omega, 0.5, 2.0)


def draws_of(seed: int, n: int) -> Draws:
    return Draws(row_seeds(seed, np.arange(n)))


def random_weights(spec: FieldSpec, seed: int, n: int) -> NDArray[np.float64]:
    """(n, P) uniform on [-1/2, 1/2), so that biases lie several half turns out."""
    return draws_of(seed, n).child(99).uniform(spec.parameters) - 0.5


def equal(one: Element, other: Element) -> bool:
    return all(np.array_equal(getattr(one, x), getattr(other, x)) for x in ("perm", "sign", "phase"))
