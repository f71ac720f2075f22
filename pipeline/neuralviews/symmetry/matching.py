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
FAN_IN, WIDTH, LANES, ABOVE, WEIGHTS, BIAS, OUTGOING, TRANSPOSED, UNITS, DUALS = (int(x) for x in Column)
SIGNS, PHASES = 1, 2  # the numbers of the groups that have them
MOST_SWEEPS = 100
LEAST_GAIN = 1e-6
"""A step counts if it gains this much of the terms it changes; rounding alone gains less."""
MAGIC, MOST, HALF = (np.float32(x) for x in (ROUND_TO_INTEGER, MOST_TURNS, 0.5))

part_of_alignment = njit(inline="always")


@part_of_alignment
def load(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Read a pair of fields, (P,) each, and begin with the identity."""
    work.reference[: a.size] = a
    for layer in range(len(problem.table)):
        row = problem.table[layer]
        fan_in, width, lanes, first = row[FAN_IN], row[WIDTH], row[LANES], row[UNITS]
        for i in range(width):
            weights = b[row[WEIGHTS] + i * fan_in : row[WEIGHTS] + (i + 1) * fan_in]
            for k in range(fan_in):
                work.transposed[row[TRANSPOSED] + k * lanes + i] = weights[k]
            work.bias[row[DUALS] + i] = b[row[BIAS] + i]
            work.perm[first + i], work.phase[first + i] = i, 0
            work.sign[first + i], work.factor[first + i] = 1, 1


@part_of_alignment
def bring_rows(source, stride, perm, factor, width, lanes, brought):  # type: ignore[no-untyped-def]
    """brought (rows, lanes): row ``perm[k]`` of ``source`` times ``factor[k]``, +0 in the padding."""
    for k in range(perm.size):
        old = source[perm[k] * stride : perm[k] * stride + width]
        new = brought[k * lanes : (k + 1) * lanes]
        for i in range(width):
            new[i] = factor[k] * old[i]
        new[width:] = 0


@njit
def products(problem, work, b, layer, only_incoming):  # type: ignore[no-untyped-def]
    """Products of A's weights with B's, where the element leaves those, into and out of a layer."""
    row = problem.table[layer]
    fan_in, width, lanes, above = row[FAN_IN], row[WIDTH], row[LANES], row[ABOVE]
    a, brought = work.reference, work.brought
    for out in range(2):
        if out and only_incoming:
            work.outgoing[: width * lanes] = 0
            continue
        if out:
            count, at, row_stride, stride, target = above, row[OUTGOING], 1, width, work.outgoing
            rows, source_stride = b[at : at + above * width], width
            neighbour, factor = layer + 1, work.sign
        else:
            count, at, row_stride, stride, target = fan_in, row[WEIGHTS], fan_in, 1, work.incoming
            start = row[TRANSPOSED]
            rows, source_stride = work.transposed[start : start + fan_in * lanes], lanes
            neighbour, factor = layer - 1, work.factor
        if 0 <= neighbour < len(problem.table):
            first = problem.table[neighbour, UNITS]
            perm, factor = work.perm[first : first + count], factor[first : first + count]
            bring_rows(rows, source_stride, perm, factor, width, lanes, brought)
        else:
            for k in range(count):
                brought[k * lanes : k * lanes + width] = rows[k * source_stride : k * source_stride + width]
                brought[k * lanes + width : (k + 1) * lanes] = 0
        product((a, at), row_stride, stride, count, brought, lanes, width, target)


@part_of_alignment
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


@part_of_alignment
def gain_of(p, q, a, b, sign, factor, phase, half_turn):  # type: ignore[no-untyped-def]
    """How much one match adds to the objective of its layer, float64."""
    error = np.float64(a) - np.float64(sign) * np.float64(b) - phase * half_turn
    return np.float64(sign) * np.float64(p) + np.float64(factor) * np.float64(q) - 0.5 * error * error


@njit
def step(problem, work, b, layer, warm, only_incoming):  # type: ignore[no-untyped-def]
    """Make one layer's part of the element the best for the other parts; whether it changed.

    With ``only_incoming``, the best for the layer below alone, taken in any case.
    """
    row, group = problem.table[layer], problem.group
    width, lanes, first, padded = row[WIDTH], row[LANES], row[UNITS], row[DUALS]
    perm, phase = work.perm[first : first + width], work.phase[first : first + width]
    sign, factor = work.sign[first : first + width], work.factor[first : first + width]
    columns = work.column_of[first : first + width]
    turns, half_turn = problem.turns[layer], problem.half_turns[layer]
    targets = work.reference[row[BIAS] : row[BIAS] + width]
    biases = work.bias[padded : padded + lanes]
    products(problem, work, b, layer, only_incoming)
    incoming, outgoing, costs = work.incoming, work.outgoing, work.costs[: width * lanes]
    match_costs(group, turns, incoming, outgoing, targets, biases, lanes, width, costs)
    solve(costs, work.duals[padded : padded + lanes], warm, columns, work.floats, work.integers)
    old = new = scale = 0.0
    changed = only_incoming
    for final in range(2):
        if final and not (only_incoming or new > old + LEAST_GAIN * scale):
            return False
        for i in range(width):
            before, j = i * lanes + perm[i], columns[i]
            after = i * lanes + j
            p, q, a = incoming[after], outgoing[after], targets[i]
            s, k = best_match(group, turns, p, q, a, biases[j])
            t = -s if k & 1 else s
            if final:
                changed = changed or perm[i] != j or sign[i] != s or phase[i] != k
                perm[i], sign[i], factor[i], phase[i] = j, s, t, k
                continue
            found = gain_of(p, q, a, biases[j], s, t, k, half_turn)
            new += found
            scale += abs(found)
            p, q, now = incoming[before], outgoing[before], biases[perm[i]]
            old += gain_of(p, q, a, now, sign[i], factor[i], phase[i], half_turn)
    return changed


@njit
def bring(problem, work, a, b):  # type: ignore[no-untyped-def]
    """Find the element that brings field B next to A, (P,) each, into ``work``; returns the sweeps."""
    load(problem, work, a, b)
    layers, sweeps = len(problem.table), 0
    dirty = np.ones(layers + 2, np.bool_)  # layer l is entry l + 1, so that every layer has neighbours
    warm = False
    for sweep in range(-1 if problem.greedy else 0, MOST_SWEEPS):
        only_incoming, worked = sweep < 0, False
        for layer in range(layers):
            if not (only_incoming or dirty[layer + 1]):
                continue
            worked = True
            if step(problem, work, b, layer, warm, only_incoming):
                dirty[layer], dirty[layer + 2] = True, True
            dirty[layer + 1] = only_incoming
        if not worked:
            break
        warm = True
        sweeps += not only_incoming
    return sweeps
