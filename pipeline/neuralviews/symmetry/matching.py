"""Alignment of one field to another, as compiled code: exact steps over layers until none gains.

The descent over layers is weight matching (Ainsworth et al., "Git Re-Basin: Merging Models modulo
Permutation Symmetries", ICLR 2023, algorithm 1). A step here also finds the signs and phases: for each
pair of units the best of them has a closed form, so that one assignment problem over what is left
finds the least distance over all three, the other layers held.
"""

import numpy as np
from numba import njit

from .assignment import solve
from .layout import Column
from .matching_kernels import best_matches, match_costs
from .product_kernels import bring_rows, half_squares, product, transpose

__all__ = ["bring"]

# numba takes plain integers as constants, not members of an enumeration
FAN_IN, WIDTH, LANES, ABOVE, WEIGHTS, BIAS, OUTGOING, TRANSPOSED, UNITS, PADDED = (int(x) for x in Column)
MOST_SWEEPS = 100
LEAST_GAIN = 1e-6
"""A step counts if it gains this much of the terms it changes; rounding alone gains less."""


@njit
def turn(source, row, place, out, norms):  # type: ignore[no-untyped-def]
    """Incoming weights of a layer, transposed, to a place of ``out``, and their squares to ``norms``."""
    transpose((source, row[WEIGHTS]), row[FAN_IN], row[LANES], (out, place))
    half_squares((out, place), row[LANES], row[FAN_IN], row[LANES], (norms, row[PADDED]))


@njit
def load(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Read a pair of fields, (P,) each, and begin with the identity."""
    for i in range(a.size):  # an assignment of slices would look for overlap, and take several times as long
        work.a[i], work.b[i] = a[i], b[i]
    work.sign[:], work.factor[:], work.phase[:] = 1, 1, 0
    work.perm[:] = problem.identity
    work.norms_a[:], work.norms_b[:] = 0, 0
    for row in problem.table:
        turn(work.a, row, 0, work.brought, work.norms_a)
        turn(work.b, row, row[TRANSPOSED], work.transposed, work.norms_b)
        for i in range(row[WIDTH]):
            work.biases[row[PADDED] + i] = b[row[BIAS] + i]


@njit
def add_outgoing(problem, work):  # type: ignore[no-untyped-def]
    """From here on the lengths of units are those of their outgoing weights too."""
    for row in problem.table:
        shape = row[WIDTH], row[ABOVE], row[LANES]
        half_squares((work.a, row[OUTGOING]), *shape, (work.norms_a, row[PADDED]))
        half_squares((work.b, row[OUTGOING]), *shape, (work.norms_b, row[PADDED]))


@njit
def multiply(work, place, row_stride, stride, count, lanes, width, out):  # type: ignore[no-untyped-def]
    """A's weights times the rows that were brought: one function, so that it is compiled once."""
    product((work.a, place), row_stride, stride, count, work.brought, lanes, width, out)


@njit
def products(work, row, only_incoming):  # type: ignore[no-untyped-def]
    """Products of A's weights with B's, where the element leaves those, into and out of a layer."""
    fan_in, width, lanes, above = row[FAN_IN], row[WIDTH], row[LANES], row[ABOVE]
    first, last = row[UNITS], row[UNITS] + width
    incoming, below = (work.transposed, row[TRANSPOSED]), first - fan_in
    bring_rows(incoming, lanes, (work.perm, below), (work.factor, below), fan_in, lanes, work.brought)
    multiply(work, row[WEIGHTS], fan_in, 1, fan_in, lanes, width, work.incoming)
    if only_incoming:
        work.outgoing[: width * lanes] = 0
        return
    outgoing = work.b, row[OUTGOING]
    bring_rows(outgoing, width, (work.perm, last), (work.sign, last), above, lanes, work.brought)
    multiply(work, row[OUTGOING], 1, width, above, lanes, width, work.outgoing)


@njit
def factor_of(sign, phase):  # type: ignore[no-untyped-def]
    return -sign if phase & 1 else sign


@njit
def gain_of(p, q, a, b, sign, phase, half_turn):  # type: ignore[no-untyped-def]
    """How much one match adds to the objective of its layer, float64."""
    error = np.float64(a) - np.float64(sign) * np.float64(b) - phase * half_turn
    products = np.float64(sign) * np.float64(p) + np.float64(factor_of(sign, phase)) * np.float64(q)
    return products - 0.5 * error * error


@njit
def step(problem, work, layer, warm, only_incoming):  # type: ignore[no-untyped-def]
    """Make one layer's part of the element the best for the other parts; whether it changed.

    With ``only_incoming``, the best for the layer below alone, taken in any case.
    """
    row, group, turns, half_turn = (
        problem.table[layer],
        problem.group,
        problem.turns[layer],
        problem.half_turns[layer],
    )
    width, lanes = row[WIDTH], row[LANES]
    units, padded = slice(row[UNITS], row[UNITS] + width), slice(row[PADDED], row[PADDED] + lanes)
    perm, sign, factor, phase = work.perm[units], work.sign[units], work.factor[units], work.phase[units]
    a, b, columns = work.a[row[BIAS] : row[BIAS] + width], work.biases[padded], work.columns[:width]
    incoming, outgoing, costs = work.incoming, work.outgoing, work.costs
    norms = work.norms_a[padded], work.norms_b[padded]
    products(work, row, only_incoming)
    match_costs(group, turns, incoming, outgoing, a, b, norms[0], norms[1], lanes, width, costs)
    solve(costs, work.duals[padded], warm, columns, work.floats, work.integers)
    p, q, biases, signs, phases = (
        work.incoming_matched,
        work.outgoing_matched,
        work.biases_matched,
        work.best_sign,
        work.best_phase,
    )
    for i in range(width):
        new = i * lanes + columns[i]
        p[i], q[i], biases[i] = incoming[new], outgoing[new], b[columns[i]]
    best_matches(group, turns, p, q, a, biases, lanes, signs, phases)
    gained = scale = 0.0
    for i in range(width):
        old = i * lanes + perm[i]
        gain = gain_of(p[i], q[i], a[i], biases[i], signs[i], np.int32(phases[i]), half_turn)
        gained += gain - gain_of(incoming[old], outgoing[old], a[i], b[perm[i]], sign[i], phase[i], half_turn)
        scale += abs(gain)
    if not only_incoming and gained <= LEAST_GAIN * scale:
        return False
    for i in range(width):
        perm[i], sign[i], phase[i] = columns[i], signs[i], np.int32(phases[i])
        factor[i] = factor_of(sign[i], phase[i])
    return True


@njit
def bring(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Find the element that brings field B next to A, (P,) each, into ``work``; returns the sweeps."""
    load(problem, work, a, b)
    layers = len(problem.table)
    if problem.greedy:
        for layer in range(layers):
            step(problem, work, layer, False, True)
    add_outgoing(problem, work)
    dirty = np.ones(layers + 2, np.bool_)  # layer l is entry l + 1, so that every layer has neighbours
    for sweep in range(MOST_SWEEPS):
        if not dirty[1:-1].any():
            return sweep
        for layer in range(layers):
            if not dirty[layer + 1]:
                continue
            dirty[layer + 1] = False
            if step(problem, work, layer, problem.greedy or sweep > 0, False):
                dirty[layer], dirty[layer + 2] = True, True
    return MOST_SWEEPS
