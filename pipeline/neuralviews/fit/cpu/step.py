"""One gradient step as compiled code: the order of the kernels over layers and tiles.

Sums over points go on from one tile to the next, so the size of a tile changes no bit.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .emit import blocking, fma
from .head import FUSED_CHANNELS, head_gradient, output_errors
from .kernels import SINGLE_BLOCKS, forward, input_gradient, weight_gradient
from .layout import LANES, Column
from .update import adam, scaled, transposed

__all__ = ["Buffers", "Problem", "gradients", "update"]

Floats = NDArray[np.float32]

# numba takes plain integers as constants, not members of an enumeration
FAN_IN, ROWS, WIDTH, UNITS_LANES = (int(x) for x in (Column.fan_in, Column.rows, Column.width, Column.lanes))
WEIGHTS, SLOPES, UNITS = (int(x) for x in (Column.weights, Column.slopes, Column.units))
HEIGHT = blocking().rows
MOST_FUSED, MOST_SINGLE = FUSED_CHANNELS[-1], SINGLE_BLOCKS[-1]


class Problem(NamedTuple):
    """What is fitted and how; nothing in it changes. Arrays are flat, places are those of `Layout`."""

    coords: Floats
    """(padded points, rows of layer 0)."""
    targets: Floats
    """(channels, padded points)."""
    table: NDArray[np.int64]
    phase: Floats
    slope: Floats
    size: Floats
    correction: Floats
    adam: Floats
    scalars: Floats
    """Output offset, error scale and target, as in `Constants`."""
    points: int
    padded_points: int
    tile: int
    channels: int
    channel_rows: int
    head: int
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


@njit
def prepare(problem, buffers):  # type: ignore[no-untyped-def]
    """Scale the weights for the forward and the backward products of one step."""
    table = problem.table
    last = len(table) - 1
    for layer in range(len(table)):
        lanes, start = table[layer, UNITS_LANES], table[layer, WEIGHTS]
        count = (table[layer, ROWS] + 1) * lanes
        scaled(buffers.parameters, start, buffers.hidden, start, count, problem.phase[layer])
        slope, to = problem.slope[layer], table[layer, SLOPES]
        if layer < last:
            above, columns = table[layer + 1, WEIGHTS], table[layer + 1, UNITS_LANES]
            transposed(buffers.parameters, above, lanes, columns, buffers.slopes, to, slope)
        else:
            scaled(buffers.parameters, problem.head, buffers.slopes, to, problem.channel_rows * lanes, slope)


@njit
def forward_tile(problem, buffers, start, points):  # type: ignore[no-untyped-def]
    """Sines and cosines of every hidden layer at the points of a tile."""
    table, tile = problem.table, problem.tile
    for layer in range(len(table)):
        rows, lanes, weights = table[layer, ROWS], table[layer, UNITS_LANES], table[layer, WEIGHTS]
        inputs, at = problem.coords, start * rows
        if layer:
            inputs, at = buffers.units, table[layer - 1, UNITS] * tile
        forward(
            inputs,
            at,
            rows,
            table[layer, FAN_IN],
            buffers.hidden,
            weights,
            weights + rows * lanes,
            buffers.units,
            buffers.cosines,
            table[layer, UNITS] * tile,
            lanes,
            points,
        )


@njit
def head_tile(problem, buffers, start, points, squares):  # type: ignore[no-untyped-def]
    """Errors at the points of a tile; returns the sum of squares with theirs added."""
    tile, channels, head = problem.tile, problem.channels, problem.head
    lanes = problem.table[-1, UNITS_LANES]
    units, bias = problem.table[-1, UNITS] * tile, head + problem.channel_rows * lanes
    for block in range(0, points, LANES):
        for channel in range(channels):
            output_errors(
                buffers.parameters,
                head + channel * lanes,
                buffers.parameters[bias + channel] + problem.scalars[0],
                buffers.units,
                units + block * lanes,
                lanes,
                problem.targets,
                channel * problem.padded_points + start + block,
                problem.scalars[1],
                buffers.errors,
                buffers.deltas,
                channel * tile + block,
            )
        end = min(block + LANES, points)
        for point in range(block, end):
            for channel in range(channels):
                error = buffers.errors[channel * tile + point]
                squares = fma(error, error, squares)
        for channel in range(channels):
            total = buffers.gradient[bias + channel]
            for point in range(block, end):
                total += buffers.deltas[channel * tile + point]
            buffers.gradient[bias + channel] = total
    return squares


@njit
def backward_tile(problem, buffers, start, points):  # type: ignore[no-untyped-def]
    """Add the gradients of a tile, from the output layer down."""
    table, tile, channels = problem.table, problem.tile, problem.channels
    last = len(table) - 1
    lanes, units, slopes = table[last, UNITS_LANES], table[last, UNITS] * tile, table[last, SLOPES]
    if channels <= MOST_FUSED:
        head_gradient(
            buffers.deltas,
            0,
            tile,
            channels,
            buffers.units,
            units,
            lanes,
            buffers.slopes,
            slopes,
            buffers.cosines,
            units,
            buffers.gradient,
            problem.head,
            points,
        )
    else:
        weight_gradient(
            buffers.deltas,
            0,
            tile,
            1,
            problem.channel_rows,
            0,
            buffers.units,
            units,
            lanes,
            buffers.gradient,
            problem.head,
            0,
            points,
        )
        input_gradient(
            buffers.deltas,
            0,
            1,
            tile,
            channels,
            buffers.slopes,
            slopes,
            buffers.cosines,
            units,
            lanes,
            points,
        )
    for layer in range(last, 0, -1):
        lanes, rows, weights = table[layer, UNITS_LANES], table[layer, ROWS], table[layer, WEIGHTS]
        deltas, below = table[layer, UNITS] * tile, table[layer - 1, UNITS] * tile
        weight_gradient(
            buffers.units,
            below,
            1,
            rows,
            rows,
            HEIGHT,
            buffers.cosines,
            deltas,
            lanes,
            buffers.gradient,
            weights,
            weights + rows * lanes,
            points,
        )
        input_gradient(
            buffers.cosines,
            deltas,
            lanes,
            1,
            table[layer, WIDTH],
            buffers.slopes,
            table[layer - 1, SLOPES],
            buffers.cosines,
            below,
            rows,
            points,
        )
    lanes, rows = table[0, UNITS_LANES], table[0, ROWS]
    weight_gradient(
        problem.coords,
        start * rows,
        1,
        rows,
        rows,
        rows if rows <= MOST_SINGLE else HEIGHT,
        buffers.cosines,
        0,
        lanes,
        buffers.gradient,
        0,
        rows * lanes,
        points,
    )


@njit
def gradients(problem, buffers):  # type: ignore[no-untyped-def]
    """Fill the gradient of the current parameters; returns their sum of squared errors."""
    prepare(problem, buffers)
    buffers.gradient[:] = 0
    squares = np.float32(0)
    for start in range(0, problem.points, problem.tile):
        points = min(problem.tile, problem.points - start)
        forward_tile(problem, buffers, start, points)
        squares = head_tile(problem, buffers, start, points, squares)
        backward_tile(problem, buffers, start, points)
    return squares


@njit
def update(problem, buffers, step):  # type: ignore[no-untyped-def]
    """One update of all parameters by Adam."""
    adam(
        buffers.parameters,
        buffers.gradient,
        buffers.first,
        buffers.second,
        buffers.parameters.size,
        problem.size[step],
        problem.correction[step],
        problem.adam[0],
        problem.adam[1],
        problem.adam[2],
        problem.adam[3],
        problem.adam[4],
    )
