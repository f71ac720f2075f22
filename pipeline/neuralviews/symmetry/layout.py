"""Where the numbers of a pair of fields lie while one is aligned to the other."""

from enum import IntEnum
from math import pi
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec
from ..vector.memory import aligned_arrays
from .assignment import WORK, padded
from .group import Group, hidden_slices

__all__ = ["INTEGERS", "Column", "Problem", "Work", "problem_of", "work_of"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

GROUPS: tuple[Group, ...] = ("perm", "sign", "phase")
INTEGERS = ("integers", "perm", "phase", "column_of")
"""Arrays of `Work` that hold int32, not float32."""


class Column(IntEnum):
    """Columns of `Problem.table`, one row per hidden layer; places count float32 numbers."""

    fan_in = 0
    width = 1
    lanes = 2  # units, padded
    above = 3  # units of the layer above, or output channels
    weights = 4  # place of the incoming weights in a flat field
    bias = 5
    outgoing = 6  # place of the outgoing weights in a flat field
    transposed = 7  # place of B's incoming weights (fan_in, lanes) in `Work.transposed`
    units = 8  # first unit of this layer among all hidden units
    duals = 9  # place in `Work.duals` and `Work.bias`, which are padded


class Problem(NamedTuple):
    """What stays the same for all pairs."""

    table: NDArray[np.int64]
    """(hidden layers, `Column`)."""
    turns: Floats
    """(hidden layers, 3): pi/omega, -2 pi/omega, omega/(2 pi)."""
    half_turns: NDArray[np.float64]
    """pi/omega of each hidden layer."""
    group: int
    """0, 1, 2: permutations; signs too; phases too."""
    greedy: bool
    """Start from the best match of the incoming weights, layer by layer, instead of from the identity."""


class Work(NamedTuple):
    """What changes from pair to pair; flat arrays, used again for the next pair."""

    reference: Floats
    """A, with room after it."""
    transposed: Floats
    """B's incoming weights (fan_in, lanes) of every hidden layer."""
    bias: Floats
    """B's biases of every hidden layer, padded."""
    duals: Floats
    brought: Floats
    """Rows of B as the neighbouring layer's part of the element leaves them."""
    incoming: Floats
    """(lanes, lanes): A's incoming weights times B's."""
    outgoing: Floats
    costs: Floats
    floats: Floats
    sign: Floats
    factor: Floats
    """sign (-1)^phase, what outgoing weights are multiplied by."""
    integers: Integers
    perm: Integers
    phase: Integers
    column_of: Integers


def problem_of(spec: FieldSpec, group: Group, greedy: bool) -> Problem:
    """What stays the same for all pairs of fields of this shape."""
    table = np.zeros((len(spec.omega), len(Column)), np.int64)
    transposed = duals = 0
    for index, units in enumerate(hidden_slices(spec)):
        layer, outgoing = spec.layers[index], spec.layers[index + 1]
        lanes = padded(layer.fan_out)
        table[index] = (
            layer.fan_in,
            layer.fan_out,
            lanes,
            outgoing.fan_out,
            layer.weight.start,
            layer.bias.start,
            outgoing.weight.start,
            transposed,
            units.start,
            duals,
        )
        transposed += layer.fan_in * lanes
        duals += lanes
    half = np.array([pi / omega for omega in spec.omega])
    turns = np.stack([half, -2 * half, 1 / (2 * half)], axis=1).astype(np.float32)
    return Problem(table, turns, half, GROUPS.index(group), greedy)


def work_of(spec: FieldSpec, problem: Problem) -> Work:
    """Memory for one pair at a time."""
    table = problem.table
    lanes, hidden = table[:, Column.lanes], sum(spec.dims[1:-1])
    widest, longest = int(lanes.max()), max(spec.dims)
    lengths = {
        # A block of a product reads rows up to the padded width, whose sums nobody reads.
        "reference": spec.parameters + padded(1) * longest,
        "transposed": int(table[:, Column.fan_in] @ lanes),
        "bias": int(lanes.sum()),
        "duals": int(lanes.sum()),
        "brought": longest * widest,
        "incoming": widest * widest,
        "outgoing": widest * widest,
        "costs": widest * widest,
        "floats": WORK * widest,
        "sign": hidden,
        "factor": hidden,
        "integers": WORK * widest,
        "perm": hidden,
        "phase": hidden,
        "column_of": hidden,
    }
    arrays: dict[str, Any] = aligned_arrays(lengths)
    return Work(**{name: x.view(np.int32) if name in INTEGERS else x for name, x in arrays.items()})
