"""Values of SIREN fields at points, float32: the same bytes on every machine, batch and vector width.

One order of operations for every number; `fma` rounds once, every other operation by itself:

- hidden layer l: ``s = b_l[j]``, then ``s = fma(W_l[j][k], h[k], s)`` for k ascending;
  ``t = fl(omega_l / pi) * s``; and the sine of pi t by `Emitter.sincospi`;
- channel j of the output: such a sum s, and ``fma(output_scale, s, output_offset)``.

Weights are read where they lie in the flat vector, and lanes of a vector are points: any width, number
of coordinates and number of channels is as good as any other.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import pi
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from ..errors import SpecError
from .compiled import compile_cached, sources_digest
from .emit import Emitter, Value, blocking, kernel
from .product import Scalars, Vectors, accumulate

__all__ = ["TILE", "forward"]

Floats = NDArray[np.float32]

TILE = 64
"""Points that go through all layers together: activations of common widths stay in the first-level cache."""


def affine(
    e: Emitter,
    weights: Any,
    inputs: Any,
    outputs: Any,
    shape: tuple[Value, Value],
    heights: Sequence[int],
    finish: Callable[[Value], Value],
) -> None:
    """outputs (fan_out, TILE) = finish(W (fan_out, fan_in) @ inputs (fan_in, TILE) + b); b follows W.

    ``heights`` are the units of a block, from the highest to 1; each block's rest is left to the next.
    """
    fan_in, fan_out = shape
    bias = e.times(fan_out, fan_in)
    width = blocking().columns

    def block(unit: Value, height: int, column: Value) -> None:
        starts = [e.splat(e.load_scalar(weights, e.index(bias, unit, i))) for i in range(height)]
        sums = [[e.variable(start) for _ in range(width)] for start in starts]
        rows = Scalars(weights, e.times(unit, fan_in), fan_in, e.index(1))
        accumulate(e, sums, fan_in, rows, Vectors(inputs, column, e.index(TILE)))
        for i in range(height):
            for j in range(width):
                at = e.index(e.times(e.index(unit, i), TILE), column, j * e.lanes)
                e.store(finish(sums[i][j].get()), outputs, at)

    done = e.index(0)
    for height in heights:
        end = e.round_down(fan_out, height)
        with e.loop(done, end, height) as unit, e.loop(0, e.index(TILE), width * e.lanes) as column:
            block(unit, height, column)
        done = end


@kernel
def sine_layer(
    e: Emitter, weights: Any, inputs: Any, outputs: Any, fan_in: Value, fan_out: Value, phase: Value
) -> None:
    """outputs = sin(pi phase (W inputs + b))."""
    factor = e.splat(phase)

    def sine(total: Value) -> Value:
        return e.sincospi(e.multiply(factor, total))[0]

    affine(e, weights, inputs, outputs, (fan_in, fan_out), (blocking().rows, 1), sine)


@kernel
def output_layer(
    e: Emitter,
    weights: Any,
    inputs: Any,
    outputs: Any,
    fan_in: Value,
    fan_out: Value,
    scale: Value,
    offset: Value,
) -> None:
    """outputs = scale (W inputs + b) + offset."""
    factor, constant = e.splat(scale), e.splat(offset)

    def output(total: Value) -> Value:
        return e.fma(factor, total, constant)

    affine(e, weights, inputs, outputs, (fan_in, fan_out), (1,), output)


def _define(sources: str) -> Callable[..., Any]:
    """The evaluation in Python; ``sources`` is in its closure, which numba's cache key holds."""

    def evaluate(weights, coords, dims, phase, scale, offset, units, values):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        fields, parameters = weights.shape
        shared, tiles = coords.shape[0] == 1, coords.shape[1]
        last, half = len(dims) - 2, units.size // 2
        flat, points, results = weights.reshape(-1), coords.reshape(-1), values.reshape(-1)
        for field in range(fields):
            for tile in range(tiles):
                block = tile if shared else field * tiles + tile
                inputs = (points, block * dims[0] * TILE)
                at, target = field * parameters, 0
                for layer in range(last):
                    fan_in, fan_out = dims[layer], dims[layer + 1]
                    sine_layer((flat, at), inputs, (units, target), fan_in, fan_out, phase[layer])
                    inputs = (units, target)
                    at, target = at + fan_out * (fan_in + 1), half - target
                place = (field * tiles + tile) * dims[-1] * TILE
                output_layer((flat, at), inputs, (results, place), dims[last], dims[-1], scale, offset)

    return evaluate


@cache
def _compiled() -> Callable[..., None]:
    rows, tiles = (types.Array(types.float32, rank, "C", readonly=True) for rank in (2, 4))
    floats, integers = types.Array(types.float32, 1, "C"), types.Array(types.int64, 1, "C")
    scalars = (types.float32, types.float32)
    results = types.Array(types.float32, 4, "C")
    signature = types.void(rows, tiles, integers, floats, *scalars, floats, results)
    compiled: Callable[..., None] = compile_cached(_define(sources_digest()), signature)
    return compiled


def forward(
    weights: Floats,
    coords: Floats,
    dims: Sequence[int],
    omega: Sequence[float],
    output_scale: float,
    output_offset: float,
) -> Floats:
    """Values of n fields at p points each; compiled on first use, and runs without the GIL.

    Args:
        weights: (n, P) float32, flat, one row per field.
        coords: (n, p, d) float32, or (1, p, d) for points that all fields share.
        dims, omega, output_scale, output_offset: of the fields, as in `FieldSpec`.
    Returns:
        (n, p, c) float32; not finite where a sum is not.
    Raises:
        SpecError: weights or coordinates of another shape or type.
        EngineError: the environment turns numba's compiler off.
    """
    _check(weights, coords, dims)
    count, channels = len(weights), dims[-1]
    tiles = -(-coords.shape[1] // TILE)
    phase = (np.array(omega) / pi).astype(np.float32)
    units = np.zeros(2 * max(dims[1:-1]) * TILE, np.float32)
    values = np.empty((count, tiles, channels, TILE), np.float32)
    scalars = (np.float32(output_scale), np.float32(output_offset))
    rows, shape = np.ascontiguousarray(weights), np.array(dims, np.int64)
    _compiled()(rows, _in_tiles(coords, tiles), shape, phase, *scalars, units, values)
    by_point = values.swapaxes(2, 3).reshape(count, tiles * TILE, channels)
    return np.ascontiguousarray(by_point[:, : coords.shape[1]])


def _check(weights: Floats, coords: Floats, dims: Sequence[int]) -> None:
    parameters = sum(fan_out * (fan_in + 1) for fan_in, fan_out in pairwise(dims))
    if weights.dtype != np.float32 or weights.ndim != 2 or weights.shape[1] != parameters:
        raise SpecError(
            f"weights: found {weights.dtype} {weights.shape}, expected float32 (fields, {parameters})"
        )
    if coords.dtype != np.float32 or coords.ndim != 3 or coords.shape[2] != dims[0]:
        raise SpecError(
            f"coords: found {coords.dtype} {coords.shape}, expected float32 (fields or 1, points, {dims[0]})"
        )
    if len(coords) not in (1, len(weights)):
        raise SpecError(
            f"coords: found {len(coords)} sets of points for {len(weights)} fields, expected 1 or all"
        )


def _in_tiles(coords: Floats, tiles: int) -> Floats:
    """Coordinates (sets, p, d) as (sets, tiles, d, TILE), the last tile filled up with zeros."""
    sets, points, axes = coords.shape
    padded = np.zeros((sets, tiles * TILE, axes), np.float32)
    padded[:, :points] = coords
    return np.ascontiguousarray(padded.reshape(sets, tiles, TILE, axes).swapaxes(2, 3))
