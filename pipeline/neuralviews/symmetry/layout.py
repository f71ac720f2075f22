"""Where the numbers of a pair of fields lie while one is aligned to the other."""

from enum import IntEnum
from math import pi
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec
from ..vector.memory import aligned_arrays
from .assignment import COLUMNS, WORK, padded
from .group import Group, hidden_slices

__all__ = ["INTEGERS", "Column", "Found", "Problem", "Work", "problem_of", "work_of"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

GROUPS: tuple[Group, ...] = ("perm", "sign", "phase")
INTEGERS = ("integers", "columns", "perm", "phase")
"""Arrays of `Work` that hold int32, not float32."""


MATCHED = ("incoming_matched", "outgoing_matched", "biases_matched", "best_sign", "best_phase")


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
    units = 8  # first unit of this layer among all inputs, hidden units and outputs
    padded = 9  # place in `Work.duals` and `Work.biases`, which are padded


class Problem(NamedTuple):
    """What stays the same for all pairs."""

    table: NDArray[np.int64]
    """(hidden layers, `Column`)."""
    dims: NDArray[np.int64]
    """Inputs, widths of the hidden layers, outputs."""
    turns: Floats
    """(hidden layers, 3): pi/omega, -2 pi/omega, omega/(2 pi)."""
    half_turns: NDArray[np.float64]
    """pi/omega of each hidden layer."""
    identity: Integers
    """Indices within each layer of all inputs, hidden units and outputs."""
    group: int
    """0, 1, 2: permutations; signs too; phases too."""
    greedy: bool
    """Start from the best match of the incoming weights, layer by layer, instead of from the identity."""


class Work(NamedTuple):
    """What changes from pair to pair; flat arrays, used again for the next pair."""

    a: Floats
    """A, with room after it: rows are read up to a whole block."""
    b: Floats
    """B, with room after it."""
    transposed: Floats
    """B's incoming weights (fan_in, lanes) of every hidden layer."""
    biases: Floats
    """B's biases of every hidden layer, padded."""
    norms_a: Floats
    """Half the squared lengths of the weights of A's units, without biases, of every hidden layer, padded."""
    norms_b: Floats
    brought: Floats
    """Rows of B as the neighbouring layer's part of the element leaves them."""
    incoming: Floats
    """(lanes, lanes): A's incoming weights times B's."""
    outgoing: Floats
    """The same of the outgoing weights."""
    costs: Floats
    duals: Floats
    """Of the assignment problem of every hidden layer, padded: the next one starts from them."""
    floats: Floats
    integers: Integers
    """Work space of the solver, as is ``floats``."""
    columns: Integers
    """What the solver assigns to each unit of A."""
    incoming_matched: Floats
    """Of those, and padded, as the next four are: the product of incoming weights with the unit of A."""
    outgoing_matched: Floats
    biases_matched: Floats
    best_sign: Floats
    best_phase: Floats
    perm: Integers
    """The element, of all inputs, hidden units and outputs; those of inputs and outputs never change."""
    sign: Floats
    factor: Floats
    """sign (-1)^phase, what outgoing weights are multiplied by."""
    phase: Integers


class Found(NamedTuple):
    """What is found for n pairs."""

    weights: Floats
    """(n, P)."""
    perm: Integers
    """(n, H), as are sign and phase: the element."""
    sign: NDArray[np.int8]
    phase: Integers
    before: NDArray[np.float64]
    """(n,) squared distance, and that after it."""
    after: NDArray[np.float64]
    sweeps: Integers


def problem_of(spec: FieldSpec, group: Group, greedy: bool) -> Problem:
    """What stays the same for all pairs of fields of this shape."""
    table = np.zeros((len(spec.omega), len(Column)), np.int64)
    transposed = start = 0
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
            spec.in_dim + units.start,
            start,
        )
        transposed += layer.fan_in * lanes
        start += lanes
    half = np.array([pi / omega for omega in spec.omega])
    turns = np.stack([half, -2 * half, 1 / (2 * half)], axis=1).astype(np.float32)
    identity = np.concatenate([np.arange(width, dtype=np.int32) for width in spec.dims])
    return Problem(table, np.array(spec.dims), turns, half, identity, GROUPS.index(group), greedy)


def work_of(spec: FieldSpec, problem: Problem) -> Work:
    """Memory for one pair at a time."""
    table, units = problem.table, sum(spec.dims)
    lanes = table[:, Column.lanes]
    widest, longest = int(lanes.max()), max(spec.dims)
    lengths = {
        **dict.fromkeys(("a", "b"), spec.parameters + COLUMNS * longest),
        "transposed": int(table[:, Column.fan_in] @ lanes),
        "brought": longest * widest,
        **dict.fromkeys(("biases", "norms_a", "norms_b", "duals"), int(lanes.sum())),
        **dict.fromkeys(("incoming", "outgoing", "costs"), widest * widest),
        **dict.fromkeys(("floats", "integers"), WORK * widest),
        "columns": widest,
        **dict.fromkeys(MATCHED, widest),
        **dict.fromkeys(("perm", "sign", "factor", "phase"), units),
    }
    arrays: dict[str, Any] = aligned_arrays(lengths)
    return Work(**{name: x.view(np.int32) if name in INTEGERS else x for name, x in arrays.items()})
