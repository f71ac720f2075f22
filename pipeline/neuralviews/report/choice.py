"""Which items of a store a picture shows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..seeds import derive_seed

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["choose"]


def choose(store: "Store", count: int, *keys: NDArray[Any]) -> NDArray[np.intp]:
    """Every n-th item of a list that is sorted by ``keys``, (n,) each, and shuffled where they are equal.

    The choice follows from the keys and the dataset id alone.

    Args:
        count: how many, at most.
        keys: the most significant one first.
    """
    items = len(keys[0])
    words = np.random.Philox(key=derive_seed(0, store.dataset_id, "gallery")).random_raw(items)
    order = np.lexsort((words, *reversed(keys)))
    count = min(count, items)
    return order[(2 * np.arange(count) + 1) * items // (2 * count)]
