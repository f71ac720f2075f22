"""Exact augmentations as formulas, in float64 and written apart from the code: of weights, and of values."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neuralviews.augment.base import Augmentation
from neuralviews.augment.batch import Context
from neuralviews.augment.symmetry import ActByElement
from neuralviews.field import FieldSpec, evaluate, join, split

Doubles = NDArray[np.float64]
OfWeights = Callable[[FieldSpec, Doubles, dict[str, Doubles]], Doubles]


def named(step: Augmentation, spec: FieldSpec, row: NDArray[np.float32]) -> dict[str, Doubles]:
    """The parameters of one copy by name."""
    found, start = {}, 0
    for parameter in step.parameters(Context(spec, 1.0, None, 4)):
        found[parameter.name] = row[start : start + parameter.count].astype(np.float64)
        start += parameter.count
    assert start == len(row)
    return found


def act(spec: FieldSpec, weights: Doubles, params: dict[str, Doubles]) -> Doubles:
    """A group element on one field: new unit i is old unit perm[i], negated and shifted by half turns."""
    layers = [(weight.copy(), bias.copy()) for weight, bias in split(spec, weights)]
    start = 0
    for layer, (width, omega) in enumerate(zip(spec.dims[1:-1], spec.omega, strict=True)):
        units = slice(start, start + width)
        perm = params["perm"][units].astype(int) if "perm" in params else np.arange(width)
        sign = params["sign"][units] if "sign" in params else np.ones(width)
        k = params["phase"][units] if "phase" in params else np.zeros(width)
        (weight, bias), (after, after_bias) = layers[layer], layers[layer + 1]
        layers[layer] = sign[:, None] * weight[perm], sign * bias[perm] + k * np.pi / omega
        layers[layer + 1] = after[:, perm] * (sign * np.where(k % 2, -1, 1)), after_bias
        start += width
    return join(spec, layers)


def move(spec: FieldSpec, weights: Doubles, params: dict[str, Doubles]) -> Doubles:
    layers = split(spec, weights)
    (weight, bias), *rest = layers
    matrix = params["matrix"].reshape(spec.in_dim, spec.in_dim)
    return join(spec, [(weight @ matrix, bias + weight @ params["shift"]), *rest])


def recolour(spec: FieldSpec, weights: Doubles, params: dict[str, Doubles]) -> Doubles:
    *rest, (weight, bias) = split(spec, weights)
    gain = params["gain"].reshape(spec.out_dim, spec.out_dim)
    constant = gain @ (spec.output_scale * bias + spec.output_offset) + params["offset"]
    return join(spec, [*rest, (gain @ weight, (constant - spec.output_offset) / spec.output_scale)])


def grow(spec: FieldSpec, weights: Doubles, params: dict[str, Doubles]) -> Doubles:
    (first, bias), *rest = split(spec, weights)
    *middle, (weight, last) = [(first / params["factor"], bias), *rest]
    constant = params["factor"] * (spec.output_scale * last + spec.output_offset)
    last = (constant - spec.output_offset) / spec.output_scale
    return join(spec, [*middle, (params["factor"] * weight, last)])


def weights_after(step: Augmentation, spec: FieldSpec, weights: Doubles, row: NDArray[np.float32]) -> Doubles:
    """What one field (P,) becomes under an exact augmentation with these parameters, (P,) float64."""
    params = named(step, spec, row)
    if isinstance(step, ActByElement):
        return act(spec, weights, params)
    formulas: dict[str, OfWeights] = {
        "affine_coords": move,
        "affine_output": recolour,
        "sdf_scale": grow,
        "label_smoothing": lambda _spec, weights, _params: weights,
    }
    return formulas[step.name](spec, weights, params)


def values_after(
    step: Augmentation, spec: FieldSpec, weights: Doubles, row: NDArray[np.float32], x: Doubles
) -> Doubles:
    """What the copy should give at points x (p, d), of the values of the field as it was: (p, c)."""
    params = named(step, spec, row)
    if step.name == "affine_coords":
        matrix = params["matrix"].reshape(spec.in_dim, spec.in_dim)
        return evaluate(spec, weights, x @ matrix.T + params["shift"])
    if step.name == "affine_output":
        gain = params["gain"].reshape(spec.out_dim, spec.out_dim)
        return evaluate(spec, weights, x) @ gain.T + params["offset"]
    if step.name == "sdf_scale":
        return params["factor"] * evaluate(spec, weights, x / params["factor"])
    return evaluate(spec, weights, x)
