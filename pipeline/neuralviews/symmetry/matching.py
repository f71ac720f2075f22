"""Alignment of one field to another, as compiled code: exact steps over layers until none gains.

The descent over layers is weight matching (Ainsworth et al., "Git Re-Basin: Merging Models modulo
Permutation Symmetries", ICLR 2023, algorithm 1). A step here also finds the signs and phases: for each
pair of units the best of them has a closed form, so that one assignment problem over what is left
finds the least distance over all three, the other layers held.
"""

import numpy as np
from numba import njit

from ..vector.emit import fma
from ..vector.sincospi import ROUND_TO_INTEGER
from .assignment import solve
from .layout import Column
from .matching_kernels import MOST_TURNS, match_costs, product

__all__ = ["bring"]

# numba takes plain integers as constants, not members of an enumeration
FAN_IN, WIDTH, LANES, ABOVE, WEIGHTS, BIAS, OUTGOING, TRANSPOSED, UNITS, PADDED = (int(x) for x in Column)
SIGNS, PHASES = 1, 2  # the numbers of the groups that have them
MOST_SWEEPS = 100
LEAST_GAIN = 1e-6
"""A step counts if it gains this much of the terms it changes; rounding alone gains less."""
MAGIC, MOST, HALF = (np.float32(x) for x in (ROUND_TO_INTEGER, MOST_TURNS, 0.5))


@njit
def load(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Read a pair of fields, (P,) each, and begin with the identity."""
    work.a[: a.size], work.b[: b.size] = a, b
    work.sign[:], work.factor[:], work.phase[:] = 1, 1, 0
    work.perm[:] = problem.identity
    for layer in range(len(problem.table)):
        row = problem.table[layer]
        fan_in, lanes = row[FAN_IN], row[LANES]
        for i in range(row[WIDTH]):
            weights = b[row[WEIGHTS] + i * fan_in : row[WEIGHTS] + (i + 1) * fan_in]
            for k in range(fan_in):
                work.transposed[row[TRANSPOSED] + k * lanes + i] = weights[k]
            work.biases[row[PADDED] + i] = b[row[BIAS] + i]


@njit
def bring_rows(source, stride, perm, factor, width, lanes, brought):  # type: ignore[no-untyped-def]
    """brought (rows, lanes): row ``perm[k]`` of ``source`` times ``factor[k]``, +0 in the padding."""
    for k in range(perm.size):
        old = source[perm[k] * stride : perm[k] * stride + width]
        new = brought[k * lanes : (k + 1) * lanes]
        for i in range(width):
            new[i] = factor[k] * old[i]
        new[width:] = 0


@njit
def multiply(work, place, row_stride, stride, count, lanes, width, out):  # type: ignore[no-untyped-def]
    """A's weights times the rows that were brought: one function, so that it is compiled once."""
    product((work.a, place), row_stride, stride, count, work.brought, lanes, width, out)


@njit
def products(work, row, only_incoming):  # type: ignore[no-untyped-def]
    """Products of A's weights with B's, where the element leaves those, into and out of a layer."""
    fan_in, width, lanes, above = row[FAN_IN], row[WIDTH], row[LANES], row[ABOVE]
    first, last = row[UNITS], row[UNITS] + width
    below, after = slice(first - fan_in, first), slice(last, last + above)
    incoming = work.transposed[row[TRANSPOSED] : row[TRANSPOSED] + fan_in * lanes]
    bring_rows(incoming, lanes, work.perm[below], work.factor[below], width, lanes, work.brought)
    multiply(work, row[WEIGHTS], fan_in, 1, fan_in, lanes, width, work.incoming)
    if only_incoming:
        work.outgoing[: width * lanes] = 0
        return
    outgoing = work.b[row[OUTGOING] : row[OUTGOING] + above * width]
    bring_rows(outgoing, width, work.perm[after], work.sign[after], width, lanes, work.brought)
    multiply(work, row[OUTGOING], 1, width, above, lanes, width, work.outgoing)


@njit
def nearest(turns):  # type: ignore[no-untyped-def]
    """The nearest integer, as the kernel rounds and limits it."""
    turns = turns if turns < MOST else MOST
    turns = -MOST if turns < -MOST else turns
    return (turns + MAGIC) - MAGIC


@njit
def best_match(group, turns, p, q, a, b):  # type: ignore[no-untyped-def]
    """The sign and phase of least cost for two units: as in the kernel, the first of equals.

    They are tried in the order sign 1 and even phase, 1 and odd, -1 and even, -1 and odd.
    """
    half, minus_full, per_full = turns[0], turns[1], turns[2]
    least, best_sign, best_phase = np.float32(np.inf), np.float32(1), np.int32(0)
    for sign in (np.float32(1), np.float32(-1)):
        if sign < 0 and group < SIGNS:
            break
        for odd in range(2):
            if odd and group < PHASES:
                break
            error, gain, phase = a - sign * b, p - q if odd else p + q, np.int32(0)
            if group == PHASES:
                full = nearest(fma(error, per_full, -HALF if odd else np.float32(0)))
                error = fma(minus_full, full, error - half if odd else error)
                phase = np.int32(2) * np.int32(full) + np.int32(odd)
            cost = fma(HALF * error, error, -sign * gain)
            if cost < least:
                least, best_sign, best_phase = cost, sign, phase
    return best_sign, best_phase


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
    products(work, row, only_incoming)
    match_costs(group, turns, incoming, outgoing, a, b, lanes, width, costs)
    solve(costs, work.duals[padded], warm, columns, work.floats, work.integers)
    gained = scale = 0.0
    for i in range(width):
        old, new = i * lanes + perm[i], i * lanes + columns[i]
        s, k = best_match(group, turns, incoming[new], outgoing[new], a[i], b[columns[i]])
        gain = gain_of(incoming[new], outgoing[new], a[i], b[columns[i]], s, k, half_turn)
        gained += gain - gain_of(incoming[old], outgoing[old], a[i], b[perm[i]], sign[i], phase[i], half_turn)
        scale += abs(gain)
    if not only_incoming and gained <= LEAST_GAIN * scale:
        return False
    for i in range(width):
        new = i * lanes + columns[i]
        sign[i], phase[i] = best_match(group, turns, incoming[new], outgoing[new], a[i], b[columns[i]])
        perm[i], factor[i] = columns[i], factor_of(sign[i], phase[i])
    return True


@njit
def bring(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Find the element that brings field B next to A, (P,) each, into ``work``; returns the sweeps."""
    load(problem, work, a, b)
    layers = len(problem.table)
    if problem.greedy:
        for layer in range(layers):
            step(problem, work, layer, False, True)
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
