"""WSA: a penalty that keeps each layer's weights in a given scope, so that fields average better.

Xu et al., "Weight Scope Alignment" (arXiv 2408.12237): the weights of a layer are taken for draws of a normal
distribution, and the loss has a term for how far that is from a target that all fields share.
"""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from .method import Scope

__all__ = ["LayerScopes", "fuse_scopes", "scope_of", "scope_penalty"]

Array = NDArray[np.floating[Any]]


class LayerScopes(NamedTuple):
    """Mean and standard deviation (the root of the mean square, over n) of each layer's weight matrix.

    Biases are left out: they are phases, of which whole turns mean nothing, and those of the last layer are
    too few to have a spread.
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]


def scope_of(spec: FieldSpec, weights: NDArray[np.float32]) -> list[LayerScopes]:
    """The scopes of n fields, (n, P), each number summed exactly: the same on every machine."""
    return [_scope_of_one(spec, row.astype(np.float64)) for row in weights]


def _scope_of_one(spec: FieldSpec, row: NDArray[np.float64]) -> LayerScopes:
    means, deviations = [], []
    for layer in spec.layers:
        numbers = row[layer.weight]
        mean = fsum(numbers) / len(numbers)
        means.append(mean)
        deviations.append(sqrt(fsum((numbers - mean) ** 2) / len(numbers)))
    return LayerScopes(tuple(means), tuple(deviations))


def fuse_scopes(scopes: Sequence[LayerScopes]) -> LayerScopes:
    """One scope of many, of fields or of pilots: per layer the mean of means, the root of the mean of sd^2.

    The paper's own form of fusing sd could not be verified; this one is that of layers of equal means whose
    weights are put together.

    Raises:
        SpecError: there is none, or they are of different numbers of layers.
    """
    sizes = {len(numbers) for scope in scopes for numbers in scope}
    if len(sizes) != 1:
        raise SpecError(f"scopes: found {len(scopes)} of {sorted(sizes)} layers, expected some, all alike")
    count = len(scopes)
    return LayerScopes(
        tuple(fsum(column) / count for column in zip(*(scope.mean for scope in scopes), strict=True)),
        tuple(
            sqrt(fsum(sd * sd for sd in column) / count)
            for column in zip(*(scope.sd for scope in scopes), strict=True)
        ),
    )


def scope_penalty(spec: FieldSpec, weights: Array, scope: Scope) -> tuple[float, Array]:
    """``weight`` times the sum over layers of KL(N(mu, sd^2) || N(mean, sd'^2)), and its gradient (P,).

    With mu and sd those of a layer's n weights, mean and sd' those of the target, each layer's term is
    ``log(sd'/sd) + (sd^2 + (mu - mean)^2) / (2 sd'^2) - 1/2``; and as ``d mu/d w = 1/n`` and
    ``d sd/d w = (w - mu) / (n sd)``, its gradient is
    ``((mu - mean) / sd'^2 + (1/sd'^2 - 1/sd^2) (w - mu)) / n``.

    Args:
        weights: (P,), in whose dtype everything runs.
    """
    total, gradient = 0.0, np.zeros_like(weights)
    for layer, mean, sd in zip(spec.layers, scope.mean, scope.sd, strict=True):
        numbers = weights[layer.weight]
        mu = numbers.mean()
        centred = numbers - mu
        variance, wanted = (centred * centred).mean(), weights.dtype.type(sd * sd)
        shift = mu - weights.dtype.type(mean)
        total += float(0.5 * np.log(wanted / variance) + (variance + shift * shift) / (2 * wanted) - 0.5)
        slope = shift / wanted + (1 / wanted - 1 / variance) * centred
        gradient[layer.weight] = weights.dtype.type(scope.weight / len(numbers)) * slope
    return scope.weight * total, gradient
