"""Affine maps of the coordinates, exact in the first layer: content is moved, turned, mirrored and scaled."""

import math
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SpecError
from ..field import FieldSpec
from ..portable import sincos
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .output import affine_parts, map_outputs
from .settings import check_choices, check_flag, check_interval, check_number
from .target import Target, matrix_product

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["AffineCoords", "SdfScale", "map_coords"]

Doubles = NDArray[np.float64]


def map_coords(
    spec: FieldSpec, weights: NDArray[np.float32], matrix: Doubles, shift: Doubles
) -> NDArray[np.float32]:
    """Fields f(M x + t) of fields f(x): ``b0' = b0 + W0 t`` and ``W0' = W0 M``.

    Args:
        weights: (n, P) float32.
        matrix: M, (n, d, d) float64.
        shift: t, (n, d) float64.
    Returns:
        (n, P) float32: sums in float64, in ascending order of the coordinates, rounded once.
    """
    first = spec.layers[0]
    weight = weights[:, first.weight].reshape(-1, first.fan_out, first.fan_in)
    new_weight, new_bias = np.zeros(weight.shape), weights[:, first.bias].astype(np.float64)
    for axis in range(first.fan_in):
        for column in range(first.fan_in):  # long inner loops: this is twice as fast as one broadcast
            new_weight[:, :, column] += weight[:, :, axis] * matrix[:, axis, column, None]
        new_bias += weight[:, :, axis] * shift[:, axis, None]
    mapped = weights.copy()
    mapped[:, first.weight] = new_weight.reshape(-1, first.fan_out * first.fan_in)
    mapped[:, first.bias] = new_bias
    return mapped


@dataclass(frozen=True)
class AffineCoords(Augmentation):
    """Flip, turn, scale, rotate and move the content of fields, in this order, about the origin.

    Directions are those of the content. What lay at p lies at ``q = s R Q F p + v`` afterwards, so the
    field is asked at ``M x + t`` with ``M = (s R Q F)^-1`` and ``t = -M v``: these are the parameters. A
    field was never fitted outside [-1, 1], and what moves in from there is not meaningful. Each axis of an
    image spans [-1, 1], so of images that are not square, turns are exact as functions, but stretch and
    shear the picture.

    Args:
        rotate: most degrees either way, uniform, about the origin of fields of 2 coordinates.
        rotate_3d: most degrees either way, uniform, about an axis of uniform direction, for fields of 3
            coordinates. (180 turns into any orientation, but not evenly.)
        translate: most that content moves along each axis, either way, uniform; the domain has width 2.
        scale: least and largest factor by which content grows, uniform, the same along all axes.
        flip: axes along which content is mirrored with probability 1/2. In images x runs to the right
            and y down, whatever the axis order of the fields.
        quarter_turns: turn by one of the 4 (24) rotations of a square (cube) onto itself.
    """

    rotate: float = 0.0
    rotate_3d: float = 0.0
    translate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    flip: tuple[Literal["x", "y", "z"], ...] = ()
    quarter_turns: bool = False

    name = "affine_coords"
    exact = True
    summary = "move, rotate, scale and mirror the content"
    source = "Shamsian et al. (ICML 2024), here for any affine map, in the first layer alone"

    def __post_init__(self) -> None:
        for name in ("rotate", "rotate_3d"):
            check_number(self, name, 0, 180)
        check_number(self, "translate", 0, 2)
        check_interval(self, "scale", 0.01, 100)
        check_flag(self, "quarter_turns")
        check_choices(self, "flip", ("x", "y", "z"))

    def require(self, context: Context) -> None:
        d, axes = context.spec.in_dim, _axes(context.spec)
        for setting, turned, other in (("rotate", 2, "rotate_3d"), ("rotate_3d", 3, "rotate")):
            if getattr(self, setting) and d != turned:
                advice = f"use {other}" if d in (2, 3) else f"leave {setting} out"
                raise SpecError(
                    f"affine_coords: {setting} turns fields of {turned} coordinates, these have {d}; {advice}"
                )
        if self.quarter_turns and d not in (2, 3):
            raise SpecError(
                f"affine_coords: quarter_turns turns fields of 2 or 3 coordinates, these have {d}; "
                "leave quarter_turns out"
            )
        for axis in self.flip:
            if axis not in axes:
                raise SpecError(
                    f"affine_coords: flip: found '{axis}', expected axes of these fields, {', '.join(axes)}"
                )

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        d = context.spec.in_dim
        return (Parameter("matrix", d * d), Parameter("shift", d))

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        n, d = len(batch), batch.spec.in_dim
        linear = np.tile(np.eye(d), (n, 1, 1))
        for axis in self.flip:
            mirrored = draws.child(0).child("xyz".index(axis)).choose(0.5, 1)[:, 0]
            linear[mirrored, _axes(batch.spec).index(axis)] *= -1
        if self.quarter_turns:
            turns = _axis_rotations(d)
            linear = matrix_product(turns[draws.child(1).integers(0, len(turns) - 1, 1)[:, 0]], linear)
        if self.rotate:
            linear = matrix_product(_rotations_2d(self.rotate * draws.child(2).centred(1)), linear)
        if self.rotate_3d:
            linear = matrix_product(_rotations_3d(self.rotate_3d, draws.child(3)), linear)
        matrix = linear.swapaxes(1, 2)  # linear is orthogonal up to rounding
        low, high = self.scale
        if (low, high) != (1, 1):
            matrix = matrix / (low + (high - low) * draws.child(4).uniform(1))[:, :, None]
        shift = np.zeros((n, d))
        if self.translate:
            moved = self.translate * draws.child(5).centred(d)
            shift = -matrix_product(matrix, moved[:, :, None])[:, :, 0]
        return np.concatenate((matrix.reshape(n, d * d), shift), axis=1).astype(np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        parts = affine_parts(params, batch.spec.in_dim)
        return replace(batch, weights=map_coords(batch.spec, batch.weights, *parts))

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        return target.coords(*affine_parts(params, context.spec.in_dim))


@dataclass(frozen=True)
class SdfScale(Augmentation):
    """Grow or shrink a shape given by distances: ``s f(x / s)``, again a distance.

    If outputs are z at a distance of 0, these are ``z + s (f(x / s) - z)``. Distances that were cut at t are
    then cut at ``s t``.

    Args:
        low, high: bounds of the factor s, uniform.
    """

    low: float = 0.8
    high: float = 1.25

    name = "sdf_scale"
    exact = True
    summary = "scale a shape together with its signed distances"
    source = "this project: distances grow as the shape does"

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            check_number(self, name, 0.01, 100)
        if self.low > self.high:
            raise OptionError(f"SdfScale: high: found {self.high}, expected at least low = {self.low}")

    def require(self, context: Context) -> None:
        if context.spec.out_dim != 1:
            raise SpecError(
                f"sdf_scale: a signed distance is 1 output, these fields have {context.spec.out_dim}; "
                "use affine_coords"
            )
        if context.zero is None:
            raise SpecError(
                "sdf_scale: these fields give images, insides or logits, no distances that could grow; "
                "use affine_coords"
            )

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (Parameter("factor"),)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return (self.low + (self.high - self.low) * draws.uniform(1)).astype(np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        spec, (coords, outputs) = batch.spec, _scalings(params, batch.context)
        return replace(batch, weights=map_outputs(spec, map_coords(spec, batch.weights, *coords), *outputs))

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        coords, outputs = _scalings(params, context)
        return target.coords(*coords).outputs(*outputs)


def _scalings(
    params: NDArray[np.float32], context: Context
) -> tuple[tuple[Doubles, Doubles], tuple[Doubles, Doubles]]:
    """The maps x -> x / s of coordinates and y -> z + s (y - z) of the output."""
    d, zero = context.spec.in_dim, context.zero or 0.0
    factor = params.astype(np.float64)[:, :, None]
    return (np.eye(d) / factor, np.zeros((len(params), d))), (factor, zero - zero * factor[:, :, 0])


def _axes(spec: FieldSpec) -> tuple[str, ...]:
    """Names of the coordinates in order; only images have their rows first."""
    return ("y", "x") if spec.in_dim == 2 and spec.axis_order == "ij" else tuple("xyz"[: spec.in_dim])


def _cos_sin(degrees: Doubles) -> tuple[Doubles, Doubles]:
    """Exact at multiples of 90 degrees, and the same bits on every machine."""
    quarters = np.floor(degrees / 90 + 0.5)
    sine, cosine = sincos((degrees / 90 - quarters) * (0.5 * math.pi))
    turned = quarters.astype(np.int64) % 4
    return np.choose(turned, (cosine, -sine, -cosine, sine)), np.choose(
        turned, (sine, cosine, -sine, -cosine)
    )


def _rotations_2d(degrees: Doubles) -> Doubles:
    cosine, sine = _cos_sin(degrees)
    return np.concatenate((cosine, -sine, sine, cosine), axis=1).reshape(-1, 2, 2)


def _rotations_3d(degrees: float, draws: "Draws") -> Doubles:
    """``c I + s [k] + (1 - c) k k^T`` (Rodrigues), the axes k uniform on the sphere (Archimedes)."""
    height, around, angle = (draws.child(index).centred(1) for index in range(3))
    cosine, sine = _cos_sin(180 * around)
    radius = np.sqrt(1 - height * height)
    x, y, z = radius * cosine, radius * sine, height
    axis = np.concatenate((x, y, z), axis=1)
    cosine, sine = (part[:, :, None] for part in _cos_sin(degrees * angle))
    zero = np.zeros_like(x)
    cross = np.concatenate((zero, -z, y, z, zero, -x, -y, x, zero), axis=1).reshape(-1, 3, 3)
    return cosine * np.eye(3) + sine * cross + (1 - cosine) * matrix_product(axis[:, :, None], axis[:, None])


@cache
def _axis_rotations(d: int) -> Doubles:
    """The rotations that map the axes onto each other: (4, 2, 2) or (24, 3, 3), the identity first."""
    found = []
    for order, signs in product(permutations(range(d)), product((1.0, -1.0), repeat=d)):
        matrix = np.zeros((d, d))
        matrix[range(d), order] = signs
        swaps = sum(order[i] > order[j] for j in range(d) for i in range(j))
        if (-1) ** swaps * np.prod(signs) > 0:
            found.append(matrix)
    return np.array(found)
