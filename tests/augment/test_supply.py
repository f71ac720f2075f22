"""Fields of a store and their second parents."""

import numpy as np

from neuralviews.augment.supply import Supply
from neuralviews.draws import Draws, row_seeds
from neuralviews.store.reader import Store


def test_partners_never_change(parent: Store) -> None:
    """They decide bytes of stores: if they must, raise AUGMENTER."""
    rows = np.arange(0, 120, 13)
    found = Supply(parent, np.arange(120)).partners(rows, Draws(row_seeds(11, rows)), "any")
    assert found.tolist() == [13, 15, 71, 34, 89, 31, 79, 46, 37, 54]
    found = Supply(parent, np.arange(120)).partners(rows, Draws(row_seeds(11, rows)), "class")
    assert found.tolist() == [1, 12, 86, 41, 82, 34, 80, 90, 49, 118]
