"""One representative of each class of equivalent weights: the same for all fields that symmetries relate."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec, split
from .group import MAX_PHASE, Element, hidden_slices, require_array

__all__ = ["canonical"]

_SLACK = 1e-6
"""In half turns: a bias that was shifted to the edge, and rounded past it, is not shifted again."""


def canonical(spec: FieldSpec, weights: NDArray[Any]) -> tuple[NDArray[Any], Element]:
    """Weights of the same functions, in canonical form: the same for ``weights`` and any `Element` of them.

    Layer by layer, with the layers before it done: biases are shifted by half turns until they are at
    most pi/(2 omega) either way; units are negated until their biases are at least 0, or, where these
    are 0, until the first incoming weight that is not 0 is positive; units are sorted by ascending
    bias, and equal biases by the incoming weights, the first of them first.

    The form is discontinuous where a bias is 0 or pi/(2 omega), or two are equal: there, and only
    there, rounding may decide otherwise for equivalent weights.

    Args:
        weights: (n, P), or (P,) for one field, float32 or float64.
    Returns:
        The weights, of the shape and type given, and the element that turns ``weights`` into them, to
        the bit. Canonical weights are returned unchanged.
    Raises:
        SpecError: weights of another shape or type, or a bias that is not finite or beyond `MAX_PHASE`.
    """
    if not isinstance(spec, FieldSpec):
        raise SpecError(f"spec: found {type(spec).__name__}, expected a FieldSpec; weights come second")
    require_array(weights)
    element = Element.identity(spec, 1 if weights.ndim == 1 else len(weights))
    batch = element.apply(weights).reshape(len(element), spec.parameters)
    for layer, units in enumerate(hidden_slices(spec)):
        phase = element.phase[:, units]
        phase[:] = _half_turns(spec, layer, split(spec, batch)[layer][1])
        weight, bias = split(spec, element.apply(batch))[layer]
        sign = _signs(weight, bias)
        order = _order(weight * sign[:, :, None], bias * sign)
        element.perm[:, units] = order
        element.sign[:, units] = np.take_along_axis(sign, order, axis=1)
        phase[:] = np.take_along_axis(sign * phase, order, axis=1)
    return element.apply(batch).reshape(weights.shape), element


def _half_turns(spec: FieldSpec, layer: int, bias: NDArray[Any]) -> NDArray[np.float64]:
    """How many half turns bring each bias nearest 0; none if it is there."""
    turns = bias.astype(np.float64) * (spec.omega[layer] / math.pi)
    wrong = ~(abs(turns) <= MAX_PHASE).all(axis=1)
    if wrong.any():
        raise SpecError(
            f"weights: row {wrong.argmax()} has a bias in hidden layer {layer} that is not finite, "
            f"or beyond {MAX_PHASE} half turns"
        )
    return np.where(abs(turns) <= 0.5 + _SLACK, 0, -np.rint(turns))


def _signs(weight: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.int8]:
    """-1 for units to be negated, else 1."""
    first = np.take_along_axis(weight, (weight != 0).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    return np.where((bias < 0) | ((bias == 0) & (first < 0)), -1, 1).astype(np.int8)


def _order(weight: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.intp]:
    """The old index of each unit of the sorted layer."""
    order = np.argsort(bias, axis=1, kind="stable")
    ascending = np.take_along_axis(bias, order, axis=1)
    for row in np.flatnonzero((np.diff(ascending, axis=1) == 0).any(axis=1)):
        order[row] = np.lexsort((*weight[row].T[::-1], bias[row]))
    return order
