"""Alignment again, plainly: float64, NumPy and SciPy, one pair at a time; and published matching.

Written from the definitions, without any code of the package's own alignment: a unit's element is
(old unit, sign s, phase k), and its layer's objective is minus half the squared distance, up to a constant.
"""

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from neuralviews.field import FieldSpec, join, split

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]


@dataclass
class Units:
    """The element of one hidden layer."""

    perm: NDArray[np.int64]
    sign: NDArray[Any]
    phase: NDArray[np.int64]

    @classmethod
    def same(cls, width: int) -> "Units":
        return cls(np.arange(width), np.ones(width), np.zeros(width, np.int64))

    @property
    def factor(self) -> NDArray[Any]:
        return np.where(self.phase % 2 == 0, self.sign, -self.sign)


def act(spec: FieldSpec, units: list[Units], weights: NDArray[np.float32]) -> Array:
    """The group action on one field (P,), from its definition."""
    layers = [(w.copy(), b.copy()) for w, b in split(spec, weights.astype(np.float64))]
    for layer, (unit, omega) in enumerate(zip(units, spec.omega, strict=True)):
        weight, bias = layers[layer]
        layers[layer] = (
            unit.sign[:, None] * weight[unit.perm],
            unit.sign * bias[unit.perm] + unit.phase * pi / omega,
        )
        above, above_bias = layers[layer + 1]
        layers[layer + 1] = unit.factor * above[:, unit.perm], above_bias
    return join(spec, layers)


def best_matches(
    group: str, p: Array, q: Array, a: Array, b: Array, omega: float
) -> tuple[Array, Array, NDArray[np.int64]]:
    """(gain, sign, phase) of the best element for every pair of units."""
    found = []
    for sign in (1, -1) if group != "perm" else (1,):
        error = a[:, None] - sign * b[None, :]
        for parity in (0, 1) if group == "phase" else (0,):
            phase = np.zeros(error.shape, np.int64)
            if group == "phase":
                phase = (2 * np.rint(error * omega / (2 * pi) - parity / 2) + parity).astype(np.int64)
            rest = error - phase * pi / omega
            found.append(
                (sign * (p + (-1) ** parity * q) - rest**2 / 2, np.full(error.shape, float(sign)), phase)
            )
    gains, signs, phases = (np.stack(x) for x in zip(*found, strict=True))
    best = gains.argmax(axis=0)[None]
    gain, sign, phase = (np.take_along_axis(x, best, 0)[0] for x in (gains, signs, phases))
    return gain, sign, phase


def objective(p: Array, q: Array, a: Array, b: Array, unit: Units, omega: float) -> float:
    rows = np.arange(len(a))
    rest = a - unit.sign * b[unit.perm] - unit.phase * pi / omega
    total = unit.sign * p[rows, unit.perm] + unit.factor * q[rows, unit.perm] - rest**2 / 2
    return float(total.sum())


def products(a: Layers, b: Layers, units: list[Units], layer: int) -> tuple[Array, Array]:
    """What matching unit i with j gains by its incoming and by its outgoing weights."""
    incoming, outgoing = b[layer][0], b[layer + 1][0]
    if layer:
        below = units[layer - 1]
        incoming = incoming[:, below.perm] * below.factor
    if layer + 1 < len(units):
        above = units[layer + 1]
        outgoing = above.sign[:, None] * outgoing[above.perm]
    return a[layer][0] @ incoming.T, a[layer + 1][0].T @ outgoing


def align_pair(
    spec: FieldSpec, a: NDArray[np.float32], b: NDArray[np.float32], group: str, start: str = "greedy"
) -> list[Units]:
    """Bring one field next to another; the element of each hidden layer."""
    ours, theirs = (split(spec, x.astype(np.float64)) for x in (a, b))
    units = [Units.same(width) for width in spec.dims[1:-1]]

    def step(layer: int, only_incoming: bool) -> bool:
        p, q = products(ours, theirs, units, layer)
        q = np.zeros_like(q) if only_incoming else q
        biases, omega = (ours[layer][1], theirs[layer][1]), spec.omega[layer]
        gain, sign, phase = best_matches(group, p, q, *biases, omega)
        rows, columns = linear_sum_assignment(gain, maximize=True)
        new = Units(columns, sign[rows, columns], phase[rows, columns])
        gain_of_all = objective(p, q, *biases, new, omega) - objective(p, q, *biases, units[layer], omega)
        if only_incoming or gain_of_all > 1e-6 * abs(gain[rows, columns]).sum():
            units[layer] = new
            return True
        return False

    layers = range(len(units))
    if start == "greedy":
        for layer in layers:
            step(layer, True)
    gained = True
    while gained:
        gained = sum(step(layer, False) for layer in layers) > 0
    if squared_distance(a, act(spec, units, b)) >= squared_distance(a, b):
        return [Units.same(width) for width in spec.dims[1:-1]]
    return units


def squared_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).sum())


def published_matching(
    spec: FieldSpec, a: NDArray[np.float32], b: NDArray[np.float32], rng: np.random.Generator
) -> Array:
    """Weight matching as published (Ainsworth et al., 2023, algorithm 1): permutations alone, layers in
    random order, from the identity. Gives B brought next to A."""
    ours, theirs = (split(spec, x.astype(np.float64)) for x in (a, b))
    units = [Units.same(width) for width in spec.dims[1:-1]]
    for _ in range(100):
        progress = False
        for layer in rng.permutation(len(units)):
            p, q = products(ours, theirs, units, layer)
            score = p + q + np.outer(ours[layer][1], theirs[layer][1])
            rows, columns = linear_sum_assignment(score, maximize=True)
            if score[rows, columns].sum() > score[rows, units[layer].perm].sum() + 1e-12:
                units[layer].perm, progress = columns, True
        if not progress:
            break
    return act(spec, units, b)
