"""What readers ask of their input: fields next to one reference, and weights of mean 0 and deviation 1."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data.normalize import Normalization, Normalizer
from ..statistics.moments import tensors

if TYPE_CHECKING:
    from ..field import FieldSpec
    from ..store.reader import Store

__all__ = ["Preparation", "kept", "prepared"]

_REFERENCE_FIELDS = 1024
_BLOCK = 2048
_KEPT_BYTES = 1 << 30


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

    def __call__(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Prepared fields (n, P); ``weights`` may be overwritten."""
        if self.reference is not None:
            from ..symmetry.align import align_weights  # needs numba

            weights = align_weights(self.spec, self.reference, weights).weights
        if self.normalizer is not None:
            self.normalizer.normalize(weights)
        return weights


def prepared(
    store: "Store", rows: NDArray[np.int64], *, aligned: bool, normalize: Normalization | None
) -> tuple[Preparation, NDArray[np.float32] | None]:
    """The preparation of the records trained on, and what `kept` gives of it.

    The reference is the mean of up to 1,024 of the records, evenly spread.
    """
    found = Preparation(store.spec, _reference(store, rows) if aligned else None)
    fields = kept(store, rows, found)
    if normalize is None:
        return found, fields
    if fields is None:
        blocks = (found(block) for block in _blocks(store, rows))
    else:
        blocks = (fields[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    normalizer = _normalizer(store.spec, blocks, len(rows), normalize)
    if fields is not None:
        normalizer.normalize(fields)
    return replace(found, normalizer=normalizer), fields


def kept(store: "Store", rows: NDArray[np.int64], prepare: Preparation) -> NDArray[np.float32] | None:
    """All records prepared, (N, P), if aligning them each time would cost more than memory; else None."""
    if prepare.reference is None or 4 * len(rows) * store.spec.parameters > _KEPT_BYTES:
        return None
    found = np.empty((len(rows), store.spec.parameters), np.float32)
    for start, block in zip(range(0, len(rows), _BLOCK), _blocks(store, rows), strict=True):
        found[start : start + _BLOCK] = prepare(block)
    return found


def _reference(store: "Store", rows: NDArray[np.int64]) -> NDArray[np.float32]:
    from ..symmetry.reference import mean_reference

    spread = np.linspace(0, len(rows) - 1, min(len(rows), _REFERENCE_FIELDS)).astype(np.int64)
    return mean_reference(store.spec, lambda: _blocks(store, rows[spread])).weights


def _normalizer(
    spec: "FieldSpec", blocks: Iterable[NDArray[np.float32]], count: int, by: Normalization
) -> Normalizer:
    """Mean and deviation of each weight matrix and bias, or of each parameter, of prepared fields."""
    total, squares = np.zeros(spec.parameters), np.zeros(spec.parameters)
    for block in blocks:
        wide = block.astype(np.float64)
        total += wide.sum(axis=0)
        squares += (wide**2).sum(axis=0)
    mean, square = total / count, squares / count
    for _, part in tensors(spec) if by == "layer" else ():
        mean[part], square[part] = mean[part].mean(), square[part].mean()
    std = np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)
    std[std < np.finfo(np.float32).tiny] = 1
    return Normalizer(mean.astype(np.float32), std)


def _blocks(store: "Store", rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), _BLOCK):
        yield store.weights(rows[start : start + _BLOCK])
