"""Labels of records for training: one class each, and shares of all classes."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.context import class_count, context_of, label_columns, labels_of
from ..errors import FormatError

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Labels"]


class Labels:
    """Labels of a store, fitted or augmented.

    Attributes:
        classes: K, as many as the store names; else one more than its largest label.
    Raises:
        IntegrityError: a label beyond the classes that the store names, or soft labels that cannot be.
    """

    def __init__(self, store: "Store") -> None:
        self.classes = _class_count(store)
        self._store = store
        for name in label_columns(store):  # batches are of rows from anywhere
            store.column(name)

    def hard(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The class of each record, (n,); -1 without any."""
        return self._store.column("label")[rows].astype(np.int64)

    def soft(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shares of the classes, (n, K): sum 1, or all 0 without a label."""
        if self._store.kind == "augment":
            return labels_of(self._store, rows).dense(self.classes)
        label = self._store.column("label")[rows]
        found = np.zeros((len(rows), self.classes), np.float32)
        labelled = np.flatnonzero(label >= 0)
        found[labelled, label[labelled]] = 1
        return found


def _class_count(store: "Store") -> int:
    try:
        return context_of(store).classes
    except FormatError:  # a store need not say how it came about
        return class_count(store, None)
