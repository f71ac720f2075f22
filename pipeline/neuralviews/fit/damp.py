"""DAMP: gradients at weights that are multiplied by noise, so that fields bear such noise later.

Trinh et al., "Improving robustness to corruptions with multiplicative weight perturbations": each step's
gradient is taken at ``w * xi``, ``xi = 1 + sigma z`` with z standard normal for every entry of a weight
matrix, and xi = 1 for biases. It is not multiplied by xi, as that of the mean loss over xi would be. Adam
moves w.
"""

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws
from ..field import FieldSpec

__all__ = ["STREAM", "damp_factors", "weight_entries", "whole_pairs"]

STREAM = 0
"""Which child of a field's stream the noise is drawn from; minibatches take the stream itself."""


def damp_factors(spec: FieldSpec, keys: NDArray[np.uint64], step: int, sigma: float) -> NDArray[np.float64]:
    """The xi of a step, (n, P); 1 for biases.

    Entry i of the flat vector takes normal number i of the words from ``step * whole_pairs(P)`` on of child
    `STREAM` of the field's stream (`Draws.normal`), so that they depend on nothing but key and step. A field
    has one draw a step. The published method cuts a batch of images into 8 parts with a draw each; here the
    batch is the points of a single signal, and one draw has the same mean gradient and more variance.

    Args:
        keys: (n,) uint64, one a field.
        step: from 0.
    """
    normal = Draws(keys).child(STREAM).normal(spec.parameters, step * whole_pairs(spec.parameters))
    return 1 + sigma * np.where(weight_entries(spec), normal, 0)


def whole_pairs(count: int) -> int:
    """How many words so many normal numbers take: they are drawn in pairs."""
    return count + count % 2


def weight_entries(spec: FieldSpec) -> NDArray[np.bool_]:
    """(P,) which entries of the flat vector belong to weight matrices."""
    entries = np.zeros(spec.parameters, np.bool_)
    for layer in spec.layers:
        entries[layer.weight] = True
    return entries
