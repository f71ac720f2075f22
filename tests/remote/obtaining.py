"""How tests obtain a published set, and what its store must hold."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from neuralviews.remote import obtain
from neuralviews.remote.obtain import import_published
from neuralviews.remote.published import Published
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from .fetching import IMPATIENT

FILE = "mnist-inrs.zip"
Describe = Callable[..., Published]


def run(out: Path) -> obtain.Obtained:
    return import_published("mnist-dwsnets", out, patience=IMPATIENT)


def require_fields(found: Path, fields: Store) -> Store:
    """The same weights, by the numbers that the names of the files have."""
    store = open_store(found)
    assert verify(found, "semantic").rows == len(fields)
    weights = {row.tobytes() for row in store.weights(np.arange(len(store)))}
    assert weights == {row.tobytes() for row in fields.weights(np.arange(len(fields)))}
    return store
