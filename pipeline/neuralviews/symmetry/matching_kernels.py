"""The vector code of alignment that weighs matches of two units: their cost, best sign and best phase.

Arrays are flat, and rows are padded to whole vectors.
"""

from collections.abc import Iterator
from typing import Any

from ..vector.emit import Emitter, Value, kernel
from ..vector.sincospi import ROUND_TO_INTEGER

__all__ = ["best_matches", "match_costs"]

PERM, SIGN, PHASE = range(3)
"""Numbers of the groups."""
MOST_TURNS = float(1 << 21)
"""Largest shift in full turns: float32 numbers of this size still tell integers apart."""


def smaller(e: Emitter, a: Value, b: Value) -> Value:
    return e.builder.select(e.builder.fcmp_ordered("<", a, b), a, b)


def nearest_turns(e: Emitter, turns: Value) -> Value:
    """The nearest integer, half to even, up to `MOST_TURNS` either way."""
    most, least, magic = (e.splat(x) for x in (MOST_TURNS, -MOST_TURNS, ROUND_TO_INTEGER))
    turns = smaller(e, turns, most)
    turns = e.builder.select(e.builder.fcmp_ordered("<", turns, least), least, turns)
    return e.subtract(e.add(turns, magic), magic)


class Matches:
    """What it costs to match units of A and B with the best sign and phase of a group.

    A match with sign s and phase k costs ``(a - s b - k pi/omega)^2 / 2 - s (p + (-1)^k q)``, for biases
    a and b, and products p and q of incoming and outgoing weights. ``turns`` are pi/omega,
    -2 pi/omega and omega/(2 pi).
    """

    def __init__(self, e: Emitter, group: int, turns: Any) -> None:
        self._e, self._group = e, group
        self._half, self._minus_full, self._per_full = (
            e.splat(e.load_scalar(turns, e.index(i))) for i in range(3)
        )

    def candidates(self, p: Value, q: Value, a: Value, b: Value) -> Iterator[tuple[Value, int, Value]]:
        """Cost, sign and phase of the best match of each sign and parity: 1 and even, 1 and odd, -1 ..."""
        e, one_half, none = self._e, self._e.splat(0.5), self._e.splat(0.0)
        for sign in (1,) if self._group == PERM else (1, -1):
            for odd in (False, True) if self._group == PHASE else (False,):
                error, phase = e.subtract(a, b) if sign > 0 else e.add(a, b), none
                if self._group == PHASE:
                    full = nearest_turns(e, e.fma(error, self._per_full, e.splat(-0.5 if odd else 0.0)))
                    error = e.fma(self._minus_full, full, e.subtract(error, self._half) if odd else error)
                    phase = e.fma(e.splat(2.0), full, e.splat(float(odd)))
                gain = e.subtract(p, q) if odd else e.add(p, q)
                gain = e.builder.fneg(gain) if sign > 0 else gain
                yield e.fma(e.multiply(one_half, error), error, gain), sign, phase


@kernel
def match_costs(
    e: Emitter,
    group: Value,
    turns: Any,
    incoming: Any,
    outgoing: Any,
    targets: Any,
    biases: Any,
    norms: Any,
    other_norms: Any,
    lanes: Value,
    rows: Value,
    costs: Any,
) -> None:
    """costs (rows, lanes): half the squared distance of each unit of A (row) from each of B (column).

    B's unit is taken with its best sign and phase. ``norms`` are half the squared lengths of the units'
    weights without biases, A's and B's, ``incoming`` and ``outgoing`` are their products.
    """
    for number in (PERM, SIGN, PHASE):
        with e.when_equal(group, number):
            matches = Matches(e, number, turns)
            with e.loop(0, rows) as row:
                target, norm = (e.splat(e.load_scalar(x, row)) for x in (targets, norms))
                with e.loop(0, lanes, e.lanes) as column:
                    at = e.index(e.times(row, lanes), column)
                    p, q, b = e.load(incoming, at), e.load(outgoing, at), e.load(biases, column)
                    best, *others = (cost for cost, *_ in matches.candidates(p, q, target, b))
                    for cost in others:
                        best = smaller(e, cost, best)
                    e.store(e.add(best, e.add(norm, e.load(other_norms, column))), costs, at)


@kernel
def best_matches(
    e: Emitter,
    group: Value,
    turns: Any,
    incoming: Any,
    outgoing: Any,
    targets: Any,
    biases: Any,
    lanes: Value,
    signs: Any,
    phases: Any,
) -> None:
    """The sign and phase, both (lanes,), that make each match cost least; the first of equals.

    They are tried in the order sign 1 and even phase, 1 and odd, -1 and even, -1 and odd.
    """
    for number in (PERM, SIGN, PHASE):
        with e.when_equal(group, number):
            matches = Matches(e, number, turns)
            with e.loop(0, lanes, e.lanes) as at:
                operands = (e.load(x, at) for x in (incoming, outgoing, targets, biases))
                (best, _, phase), *others = matches.candidates(*operands)
                sign = e.splat(1.0)
                for cost, other_sign, other_phase in others:
                    better = e.builder.fcmp_ordered("<", cost, best)
                    best = e.builder.select(better, cost, best)
                    sign = e.builder.select(better, e.splat(float(other_sign)), sign)
                    phase = e.builder.select(better, other_phase, phase)
                e.store(sign, signs, at)
                e.store(phase, phases, at)
