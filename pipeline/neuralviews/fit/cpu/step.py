"""One gradient step as compiled code: the order of the kernels over layers and tiles.

Sums over points go on from one tile to the next, so the size of a tile changes no bit.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...vector.emit import blocking, fma
from .head import FUSED_CHANNELS, head_gradient, output_errors
from .kernels import SINGLE_BLOCKS, forward, input_gradient, weight_gradient
from .layout import Column
from .update import adam, scaled, transposed

__all__ = ["Buffers", "Points", "Problem", "gradients", "update"]

Floats = NDArray[np.float32]

# numba takes plain integers as constants, not members of an enumeration
FAN_IN, ROWS, WIDTH, UNITS_LANES = (int(x) for x in (Column.fan_in, Column.rows, Column.width, Column.lanes))
WEIGHTS, SLOPES, UNITS = (int(x) for x in (Column.weights, Column.slopes, Column.units))
HEIGHT = blocking().rows
part_of_fit = njit(inline="always")  # LLVM then optimises one function, once: it compiles a third faster
MOST_FUSED, MOST_SINGLE = FUSED_CHANNELS[-1], SINGLE_BLOCKS[-1]


class Points(NamedTuple):
    """Where a field is measured, and what it should give there. Arrays are flat and padded by zeros."""

    coords: Floats
    """(stride, rows of layer 0)."""
    targets: Floats
    """(channels, stride)."""
    length: int
    stride: int


class Problem(NamedTuple):
    """What is fitted and how. Arrays are flat, places are those of `Layout`."""

    signal: Points
    """All points; the targets are those of the field that is being fitted."""
    batch: Points
    """The points of a step, drawn for each; or the signal, if all points are in every step."""
    stream: NDArray[np.uint64]
    """The key of the field, and the increment of its stream; empty if the batch is the signal."""
    drawn: NDArray[np.int64]
    """Which points of the signal are those of the batch."""
    table: NDArray[np.int64]
    phase: Floats
    slope: Floats
    size: Floats
    correction: Floats
    adam: Floats
    scalars: Floats
    """Output offset, error scale and target, as in `Constants`."""
    tile: int
    channels: int
    channel_rows: int
    head: int
    logits: bool
    keep_best: bool


class Buffers(NamedTuple):
    """What changes during a fit; flat float32 arrays, used again for the next field."""

    parameters: Floats
    best: Floats
    gradient: Floats
    first: Floats
    second: Floats
    hidden: Floats
    """Weights and biases of the hidden layers times omega/pi."""
    slopes: Floats
    """Weights of the layers above times omega, output-major."""
    units: Floats
    cosines: Floats
    """Cosines of a tile; the backward pass turns them into derivatives by the sines' arguments."""
    errors: Floats
    deltas: Floats
    squares: Floats
    """The sum of squared errors, one number."""


@part_of_fit
def prepare(problem, buffers):  # type: ignore[no-untyped-def]
    """Scale the weights for the forward and the backward products of one step."""
    table, weights = problem.table, buffers.parameters
    last = len(table) - 1
    for layer in range(len(table)):
        start, lanes = table[layer, WEIGHTS], table[layer, UNITS_LANES]
        count = (table[layer, ROWS] + 1) * lanes
        scaled((weights, start), (buffers.hidden, start), count, problem.phase[layer])
        slopes, slope = (buffers.slopes, table[layer, SLOPES]), problem.slope[layer]
        if layer < last:
            above = (weights, table[layer + 1, WEIGHTS])
            transposed(above, lanes, table[layer + 1, UNITS_LANES], slopes, slope)
        else:
            scaled((weights, problem.head), slopes, problem.channel_rows * lanes, slope)


@part_of_fit
def forward_tile(problem, buffers, batch, start, points):  # type: ignore[no-untyped-def]
    """Sines and cosines of every hidden layer at the points of a tile."""
    inputs = (batch.coords, start * problem.table[0, ROWS])
    for layer in range(len(problem.table)):
        row = problem.table[layer]
        weights, bias = (
            (buffers.hidden, row[WEIGHTS]),
            (buffers.hidden, row[WEIGHTS] + row[ROWS] * row[UNITS_LANES]),
        )
        units = row[UNITS] * problem.tile
        sines, cosines = (buffers.units, units), (buffers.cosines, units)
        forward(inputs, row[ROWS], row[FAN_IN], weights, bias, sines, cosines, row[UNITS_LANES], points)
        inputs = sines


@part_of_fit
def head_tile(problem, buffers, batch, start, points):  # type: ignore[no-untyped-def]
    """Errors at the points of a tile, their sums, and the gradients of and through the output layer."""
    row, tile, channels, errors, deltas = (
        problem.table[-1],
        problem.tile,
        problem.channels,
        buffers.errors,
        buffers.deltas,
    )
    lanes, head, slopes = row[UNITS_LANES], problem.head, (buffers.slopes, row[SLOPES])
    bias = head + problem.channel_rows * lanes
    units, cosines = (buffers.units, row[UNITS] * tile), (buffers.cosines, row[UNITS] * tile)
    output_errors(
        (buffers.parameters, head),
        (buffers.parameters, bias),
        problem.scalars[0],
        channels,
        units,
        lanes,
        (batch.targets, start),
        batch.stride,
        problem.logits,
        problem.scalars[1],
        errors,
        deltas,
        tile,
        points,
    )
    gradient, bias_gradient, squares = (buffers.gradient, head), (buffers.gradient, bias), buffers.squares
    if channels <= MOST_FUSED:
        head_gradient(
            errors,
            deltas,
            tile,
            channels,
            units,
            cosines,
            lanes,
            slopes,
            gradient,
            bias_gradient,
            squares,
            points,
        )
    else:
        for point in range(points):
            for channel in range(channels):
                at = channel * tile + point
                squares[0] = fma(errors[at], errors[at], squares[0])
                buffers.gradient[bias + channel] += deltas[at]
        weight_gradient(
            deltas, tile, 1, problem.channel_rows, 0, units, lanes, gradient, bias_gradient, points
        )
        input_gradient(deltas, 1, tile, channels, slopes, cosines, lanes, points)


@part_of_fit
def backward_tile(problem, buffers, batch, start, points):  # type: ignore[no-untyped-def]
    """Add the gradients of the hidden layers of a tile, from the last to the first."""
    table, tile = problem.table, problem.tile
    for layer in range(len(table) - 1, -1, -1):
        weights, rows, lanes = table[layer, WEIGHTS], table[layer, ROWS], table[layer, UNITS_LANES]
        gradient, bias_gradient = (buffers.gradient, weights), (buffers.gradient, weights + rows * lanes)
        deltas = (buffers.cosines, table[layer, UNITS] * tile)
        bias_rows = rows if rows <= MOST_SINGLE else HEIGHT
        inputs = (batch.coords, start * rows)
        if layer:
            below = table[layer - 1, UNITS] * tile
            inputs = (buffers.units, below)
        weight_gradient(inputs, 1, rows, rows, bias_rows, deltas, lanes, gradient, bias_gradient, points)
        if layer:
            slopes, cosines = (buffers.slopes, table[layer - 1, SLOPES]), (buffers.cosines, below)
            input_gradient(deltas, lanes, 1, table[layer, WIDTH], slopes, cosines, rows, points)


@part_of_fit
def gradients(problem, buffers, batch, with_hidden):  # type: ignore[no-untyped-def]
    """Fill the gradient of the current parameters; returns their sum of squared errors.

    Both are those of the points of ``batch``. Without ``with_hidden``, the gradients of the hidden
    layers stay 0.
    """
    prepare(problem, buffers)
    buffers.gradient[:] = 0
    buffers.squares[0] = 0
    for start in range(0, batch.length, problem.tile):
        points = min(problem.tile, batch.length - start)
        forward_tile(problem, buffers, batch, start, points)
        head_tile(problem, buffers, batch, start, points)
        if with_hidden:
            backward_tile(problem, buffers, batch, start, points)
    return buffers.squares[0]


@part_of_fit
def update(problem, buffers, step):  # type: ignore[no-untyped-def]
    """One update of all parameters by Adam."""
    size, correction = problem.size[step], problem.correction[step]
    parameters, first, second = buffers.parameters, buffers.first, buffers.second
    adam(parameters, buffers.gradient, first, second, parameters.size, size, correction, problem.adam)
