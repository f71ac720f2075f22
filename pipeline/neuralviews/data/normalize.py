"""Weights brought to mean 0 and deviation 1, by the statistics of the training split."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..statistics.moments import kept_statistics

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Normalization", "Normalizer"]

Normalization = Literal["layer", "parameter"]
"""One mean and deviation for each weight matrix and each bias; or for each parameter."""


@dataclass(frozen=True, eq=False)
class Normalizer:
    """``(w - mean) / std``, in float32.

    Args:
        mean, std: (P,) float32.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def of(cls, store: "Store", by: Normalization) -> Self:
        """By the statistics of a store's training split; what varies by less than 1.2e-38 is divided by 1.

        Raises:
            SpecError: an unknown way.
            IntegrityError: the statistics kept in the store's folder are not of this store.
            StoreError: the training split has no usable record.
        """
        if by not in get_args(Normalization):
            raise SpecError(f"normalize: found {by!r}, expected None, 'layer' or 'parameter'")
        kept = kept_statistics(store)
        mean, std = kept.per_tensor() if by == "layer" else (kept.mean, kept.std)
        narrow = std.astype(np.float32)
        narrow[narrow < np.finfo(np.float32).tiny] = 1  # below it, quotients need not be finite
        return cls(mean.astype(np.float32), narrow)

    def normalize(self, weights: NDArray[np.float32]) -> None:
        """Overwrite ``weights`` (n, P)."""
        weights -= self.mean
        weights /= self.std
