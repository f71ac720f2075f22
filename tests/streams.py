"""Streams for tests of draws."""

import numpy as np
from hypothesis import strategies as st

from neuralviews.draws import Draws, row_seeds

MASK = (1 << 64) - 1
SEEDS = st.lists(st.integers(0, MASK), min_size=1, max_size=6)
MANY = Draws(row_seeds(0, np.arange(4000)))


def draws_of(seeds: list[int]) -> Draws:
    return Draws(np.array(seeds, np.uint64))
