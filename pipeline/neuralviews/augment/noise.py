"""Random changes of every weight."""

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

__all__ = ["GaussianNoise", "MultiplicativeNoise"]


class _Noise(Augmentation):
    exact = False

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (KEY,)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return draw_keys(draws)


@dataclass(frozen=True)
class GaussianNoise(_Noise):
    """Add normal noise to each tensor, in proportion to how its entries spread.

    ``w + scale std(tensor) N(0, 1)``, with the standard deviation of a sample (n - 1). A tensor of one
    entry, such as the last bias of a grey image, has no spread and is left as it is. Use scales with
    care: the published 0.32 leaves little of an image.

    Args:
        scale: noise per spread.
    """

    scale: float = 0.02

    name = "gaussian_noise"
    summary = "add normal noise in proportion to the spread of each tensor"
    source = "Shamsian et al. (ICML 2024), there with scale 0.32"

    def __post_init__(self) -> None:
        check_number(self, "scale", 0, 100)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        normal = draws_from(params).normal(batch.spec.parameters)
        weights = batch.weights.astype(np.float64)
        for layer in batch.spec.layers:
            for tensor in (layer.weight, layer.bias):
                spread = _standard_deviation(weights[:, tensor])
                weights[:, tensor] += (self.scale * spread)[:, None] * normal[:, tensor]
        return replace(batch, weights=weights.astype(np.float32))


@dataclass(frozen=True)
class MultiplicativeNoise(_Noise):
    """Multiply every weight and bias by 1 + sigma N(0, 1).

    Args:
        sigma: standard deviation of the factors.
    """

    sigma: float = 0.02

    name = "multiplicative_noise"
    summary = "multiply every weight by a normal factor near 1"
    source = (
        "after Trinh et al., Improving robustness to corruptions with multiplicative weight perturbations"
    )

    def __post_init__(self) -> None:
        check_number(self, "sigma", 0, 100)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        factors = 1 + self.sigma * draws_from(params).normal(batch.spec.parameters)
        return replace(batch, weights=(batch.weights * factors).astype(np.float32))


def _standard_deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row of (n, m), (n,); 0 if there is one value."""
    count = values.shape[1]
    if count == 1:
        return np.zeros(len(values))
    rest = values - _sum(values)[:, None] / count
    deviation: NDArray[np.float64] = np.sqrt(_sum(rest * rest) / (count - 1))
    return deviation


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row, first to last: an accumulation, unlike a sum, has its order fixed by its results."""
    total: NDArray[np.float64] = np.add.accumulate(values, axis=1)[:, -1]
    return total
