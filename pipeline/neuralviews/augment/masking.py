"""Weights set to zero."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .base import Augmentation, Parameter
from .batch import Batch, Context
from .keys import KEY, draw_keys, draws_from
from .settings import check_number

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["Dropout", "Masking", "QuantileMasking"]


class _RandomMask(Augmentation):
    exact = False
    p: float

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (KEY,)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return draw_keys(draws)

    def masked(self, batch: Batch, params: NDArray[np.float32]) -> NDArray[np.float32]:
        """The weights with each entry zeroed with probability p, (n, P) float32."""
        zeroed = draws_from(params).choose(self.p, batch.spec.parameters)
        return np.where(zeroed, np.float32(0), batch.weights)


@dataclass(frozen=True)
class Masking(_RandomMask):
    """Set weights and biases to zero at random, and leave the others as they are.

    Args:
        p: probability of each entry.
    """

    p: float = 0.1

    name = "masking"
    summary = "zero weights at random"
    source = "this project: dropout without rescaling, which would change the frequencies of a SIREN"

    def __post_init__(self) -> None:
        check_number(self, "p", 0, 1)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        return replace(batch, weights=self.masked(batch, params))


@dataclass(frozen=True)
class Dropout(_RandomMask):
    """Set weights and biases to zero at random, and multiply the others by 1 / (1 - p).

    In a SIREN that factor is a zoom: it raises every frequency. `Masking` does without.

    Args:
        p: probability of each entry.
    """

    p: float = 0.1

    name = "dropout"
    summary = "zero weights at random and scale up the others"
    source = "Shamsian et al. (ICML 2024), released code"

    def __post_init__(self) -> None:
        check_number(self, "p", 0, 0.99)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        scaled = self.masked(batch, params).astype(np.float64) * (1 / (1 - self.p))
        return replace(batch, weights=scaled.astype(np.float32))


@dataclass(frozen=True)
class QuantileMasking(Augmentation):
    """Set to zero the weights and biases of smallest magnitude.

    A share q, uniform from 0 to ``high``, is drawn for each field; entries whose magnitude is below the
    q-quantile of all its entries' magnitudes (linear between neighbours) become zero.

    Args:
        high: largest share.
    """

    high: float = 0.1

    name = "quantile_masking"
    exact = False
    summary = "zero the smallest weights"
    source = "Shamsian et al. (ICML 2024), released code"

    def __post_init__(self) -> None:
        check_number(self, "high", 0, 1)

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (Parameter("q"),)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return (self.high * draws.uniform(1)).astype(np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        magnitude = abs(batch.weights)
        threshold = _quantile(np.sort(magnitude, axis=1), params[:, 0].astype(np.float64))
        small = magnitude < threshold[:, None]
        return replace(batch, weights=np.where(small, np.float32(0), batch.weights))


def _quantile(ascending: NDArray[np.float32], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The q-quantile of each row, NumPy's method ``linear``: definition 7 of Hyndman and Fan (1996)."""
    last = ascending.shape[1] - 1
    place = q * last
    below = np.floor(place).astype(np.int64)
    rows = np.arange(len(q))
    low = ascending[rows, below].astype(np.float64)
    high = ascending[rows, np.minimum(below + 1, last)]
    threshold: NDArray[np.float64] = low + (high - low) * (place - below)
    return threshold
