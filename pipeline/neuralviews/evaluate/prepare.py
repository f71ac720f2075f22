"""What readers ask of their input: fields next to one reference, and weights of mean 0 and deviation 1."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ..data.normalize import Normalization, Normalizer
from ..statistics.moments import tensors

if TYPE_CHECKING:
    from ..field import FieldSpec
    from ..store.reader import Store

__all__ = ["Preparation"]

_REFERENCE_FIELDS = 1024
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Preparation:
    """Brings fields next to a reference, then normalizes them.

    Both are of the fields trained on alone: not of views and objects that are held back, as `ViewDataset`
    has it for stores whose training split is all in use.

    Args:
        reference: (P,) float32; None leaves fields where they are.
        normalizer: None leaves weights as they are.
    """

    spec: "FieldSpec"
    reference: NDArray[np.float32] | None = None
    normalizer: Normalizer | None = None

    @classmethod
    def of(
        cls, store: "Store", rows: NDArray[np.int64], *, aligned: bool, normalize: Normalization | None
    ) -> Self:
        """For the records trained on; the reference is the mean of up to 1,024 of them, evenly spread."""
        found = cls(store.spec, _reference(store, rows) if aligned else None)
        return (
            found
            if normalize is None
            else replace(found, normalizer=_normalizer(store, rows, found, normalize))
        )

    def __call__(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Prepared fields (n, P); ``weights`` may be overwritten."""
        if self.reference is not None:
            from ..symmetry.align import align_weights  # needs numba

            weights = align_weights(self.spec, self.reference, weights).weights
        if self.normalizer is not None:
            self.normalizer.normalize(weights)
        return weights


def _reference(store: "Store", rows: NDArray[np.int64]) -> NDArray[np.float32]:
    from ..symmetry.reference import mean_reference

    spread = np.linspace(0, len(rows) - 1, min(len(rows), _REFERENCE_FIELDS)).astype(np.int64)
    return mean_reference(store.spec, lambda: _blocks(store, rows[spread])).weights


def _normalizer(
    store: "Store", rows: NDArray[np.int64], prepare: Preparation, by: Normalization
) -> Normalizer:
    """Mean and deviation of each weight matrix and bias, or of each parameter, of prepared fields."""
    total, squares = np.zeros(store.spec.parameters), np.zeros(store.spec.parameters)
    for block in _blocks(store, rows):
        wide = prepare(block).astype(np.float64)
        total += wide.sum(axis=0)
        squares += (wide**2).sum(axis=0)
    mean, square = total / len(rows), squares / len(rows)
    for _, part in tensors(store.spec) if by == "layer" else ():
        mean[part], square[part] = mean[part].mean(), square[part].mean()
    std = np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)
    std[std < np.finfo(np.float32).tiny] = 1
    return Normalizer(mean.astype(np.float32), std)


def _blocks(store: "Store", rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), _BLOCK):
        yield store.weights(rows[start : start + _BLOCK])
