"""Soft labels of stores made dense, by what the format says of them."""

import numpy as np
from numpy.typing import NDArray

from neuralviews.records import NO_LABEL
from neuralviews.store.reader import Store

Doubles = NDArray[np.float64]


def dense(store: Store, rows: NDArray[np.int64], classes: int = 10) -> Doubles:
    """Soft labels as ``docs/format.md`` says: shares, and what they lack to 1 spread evenly."""
    label = np.zeros((len(rows), classes))
    for i, row in enumerate(rows):
        for number, share in zip(store.column("classes")[row], store.column("shares")[row], strict=True):
            if number != NO_LABEL:
                label[i, number] += share
    return label + np.maximum(1 - label.sum(axis=1, keepdims=True), 0) / classes


def one_hot(parent: Store, rows: NDArray[np.integer]) -> Doubles:
    return np.eye(10)[parent.column("label")[rows.astype(np.int64)]]
