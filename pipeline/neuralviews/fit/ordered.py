"""Arithmetic v1: the order of every number of a fit, stated plainly in NumPy; the oracle for the bits.

All numbers are float32 and round to nearest; subnormal numbers are kept. `fma` rounds once, every
other operation rounds by itself. Loops in this file run over what is accumulated, in the stated
order; arrays run over what is independent. An engine may block, tile or vectorise the independent
part as it likes and must then return these very bytes. docs/arithmetic.md says the same in words.

Sources: Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions"
(NeurIPS 2020), section 3; Kingma and Ba, "Adam" (ICLR 2015), algorithm 1; Boldo and Melquiond,
"Emulation of a FMA and Correctly Rounded Sums" (IEEE TC 2008), for `fma`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec, join, split
from ..records import Status
from ..vector.sigmoid import EXP, LN2, LOG2_E, MOST, ONE
from ..vector.sincospi import COS_PI, ROUND_TO_INTEGER, SIN_PI
from .engine import Budget, FitResult, Signals, psnr_from_loss
from .minibatch import drawn_points
from .schedule import BETA1, BETA2, EPSILON, adam_schedule

__all__ = [
    "PARTIALS",
    "VERSION",
    "Constants",
    "Outcome",
    "fit_ordered",
    "fma",
    "sigmoid",
    "sincospi",
    "stored_loss",
]

Array = NDArray[np.float32]
Layers = Sequence[tuple[Array, Array]]

VERSION = 1
PARTIALS = 16


@dataclass(frozen=True)
class Constants:
    """Numbers that a fit takes from the host, worked out in float64 and rounded once to float32.

    Args:
        phase: (hidden layers,) omega_l / pi: the sine's argument in half turns.
        slope: (hidden layers,) omega_l: the sine's derivative brings it into the gradient.
        offset: of the output.
        logits: whether the field gives the sigmoid of its output.
        error_scale: the derivative of a step's loss by what the field gives, or by its logits, is this
            times the error: 2 / (points c) of the mean squared error, 1 / (points c) of the cross-entropy.
        target: the sum of squared errors at which a fit stops; negative without a target.
        size, correction: (steps,) of `adam_schedule`.
        adam: beta1, beta2, 1 - beta1, 1 - beta2, epsilon.
    """

    phase: Array
    slope: Array
    offset: np.float32
    logits: bool
    error_scale: np.float32
    target: np.float32
    size: Array
    correction: Array
    adam: Array

    @classmethod
    def of(cls, spec: FieldSpec, signals: Signals, budget: Budget) -> "Constants":
        """The constants of a fit of ``spec`` to ``signals``."""
        count = len(signals.coords) * spec.out_dim
        step_count = (budget.points or len(signals.coords)) * spec.out_dim
        logits = budget.loss == "bce"
        schedule = adam_schedule(budget)
        return cls(
            phase=(np.array(spec.omega) / np.pi).astype(np.float32),
            slope=np.array(spec.omega).astype(np.float32),
            offset=np.float32(spec.output_offset),
            logits=logits,
            error_scale=np.float32((1 if logits else 2) / step_count),
            target=np.float32(budget.target_loss(signals.span) * count),
            size=schedule.size.astype(np.float32),
            correction=schedule.correction.astype(np.float32),
            adam=np.array([BETA1, BETA2, 1 - BETA1, 1 - BETA2, EPSILON]).astype(np.float32),
        )


@dataclass(frozen=True)
class Outcome:
    """How one fit ended: its status, the updates that were made and the sum of squared errors."""

    status: Status
    steps: int
    squares: np.float32


def fma(a: Any, b: Any, c: Any) -> Array:
    """float32 ``a * b + c``, rounded once, elementwise.

    The product is exact in float64. The sum is rounded to odd there, which keeps what the last
    rounding, to float32, needs to know of the bits that were cut off.
    """
    product = np.multiply(a, b, dtype=np.float64)
    addend = np.asarray(c, np.float64)
    total = product + addend
    virtual = total - product
    error = (product - (total - virtual)) + (addend - virtual)
    bits = total.view(np.int64)
    to_odd = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
    away = np.where((error > 0) == (total > 0), 1, -1)
    rounded: Array = (bits + np.where(to_odd, away, 0)).view(np.float64).astype(np.float32)
    return rounded


def sincospi(t: Array) -> tuple[Array, Array]:
    """sin(pi t) and cos(pi t); accurate to about 1e-7 for ``|t| < 2**22``, defined to the bit for all t."""
    magic = np.float32(ROUND_TO_INTEGER)
    shifted = t + magic
    r = t - (shifted - magic)
    q = r * r
    sign = shifted.view(np.uint32) << np.uint32(31)  # half turns come in odd and even
    sine, cosine = _horner(SIN_PI, q) * r, _horner(COS_PI, q)
    return (sine.view(np.uint32) ^ sign).view(np.float32), (cosine.view(np.uint32) ^ sign).view(np.float32)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)); relative error 1.5e-7 for ``|x| <= 87``, constant beyond, NaN if not finite."""
    t = -x
    t = np.where(t < np.float32(-MOST), np.float32(-MOST), t)
    t = np.where(t > np.float32(MOST), np.float32(MOST), t)
    magic = np.float32(ROUND_TO_INTEGER)
    shifted = fma(t, np.float32(LOG2_E), magic)
    minus_n, r = magic - shifted, t
    for part in LN2:
        r = fma(minus_n, np.float32(part), r)
    power = ((shifted.view(np.uint32) << np.uint32(23)) + np.uint32(ONE)).view(np.float32)
    one = np.float32(1)
    value: Array = one / fma(_horner(EXP, r), power, one)
    return value + (x - x)  # 0, or NaN: weights that are lost must not give a sound loss


def _horner(coefficients: Sequence[float], q: Array) -> Array:
    *lower, highest = (np.float32(x) for x in coefficients)
    value: Array = np.full_like(q, highest)
    for coefficient in reversed(lower):
        value = fma(q, value, coefficient)
    return value


def _chain(start: Array, rows: Array, columns: Array) -> Array:
    """``start[i, j]``, then ``fma(rows[i, k], columns[k, j], .)`` for k ascending."""
    total = start
    for k in range(rows.shape[1]):
        total = fma(rows[:, k, None], columns[None, k, :], total)
    return total


def _hidden(layers: Layers, coords: Array, phase: Array) -> tuple[list[Array], list[Array]]:
    """Inputs and sines, [x, h_0, h_1, ...], and cosines of every hidden layer; each (p, width)."""
    sines, cosines = [coords], []
    for (weight, bias), scale in zip(layers[:-1], phase, strict=True):
        start = np.broadcast_to(scale * bias, (len(coords), len(bias)))
        sine, cosine = sincospi(_chain(start, sines[-1], (scale * weight).T))
        sines.append(sine)
        cosines.append(cosine)
    return sines, cosines


def _errors(layer: tuple[Array, Array], h: Array, targets: Array, constants: Constants) -> Array:
    """What is given minus target, (p, c), by sixteen partial sums by feature modulo 16, folded in halves."""
    weight, bias = layer
    spare = -h.shape[1] % PARTIALS
    h = np.pad(h, ((0, 0), (0, spare)))[:, None, :]
    weight = np.pad(weight, ((0, 0), (0, spare)))[None, :, :]
    partial = weight[..., :PARTIALS] * h[..., :PARTIALS]
    for start in range(PARTIALS, h.shape[2], PARTIALS):
        part = slice(start, start + PARTIALS)
        partial = fma(weight[..., part], h[..., part], partial)
    while partial.shape[2] > 1:
        half = partial.shape[2] // 2
        partial = partial[..., :half] + partial[..., half:]
    outputs = partial[..., 0] + (bias + constants.offset)
    errors: Array = (sigmoid(outputs) if constants.logits else outputs) - targets
    return errors


def _sum_of_squares(errors: Array) -> np.float32:
    """From +0, ``fma(e, e, .)`` over points ascending, channels inside."""
    total: Any = np.float32(0)
    for error in errors.ravel():
        total = fma(error, error, total)
    return np.float32(total)


def _weight_gradient(inputs: Array, outputs: Array) -> tuple[Array, Array]:
    """Gradients (out, in) and (out,) of an affine layer, accumulated from +0 over points ascending."""
    weight = _chain(np.zeros((outputs.shape[1], inputs.shape[1]), np.float32), outputs.T, inputs)
    bias = np.zeros(outputs.shape[1], np.float32)
    for row in outputs:
        bias = bias + row
    return weight, bias


def _gradients(
    spec: FieldSpec, weights: Array, coords: Array, targets: Array, constants: Constants
) -> tuple[np.float32, Array]:
    """The sum of squared errors of flat weights (P,), and the gradient (P,) of the loss, at these points."""
    layers = split(spec, weights)
    sines, cosines = _hidden(layers, coords, constants.phase)
    errors = _errors(layers[-1], sines[-1], targets, constants)
    delta = errors * constants.error_scale
    found = [_weight_gradient(sines[-1], delta)]
    for index in reversed(range(len(layers) - 1)):
        slope = layers[index + 1][0] * constants.slope[index]
        start = np.zeros_like(cosines[index])
        delta = _chain(start, delta, slope) * cosines[index]
        found.append(_weight_gradient(sines[index], delta))
    return _sum_of_squares(errors), join(spec, found[::-1])


def _fit_one(
    spec: FieldSpec, init: Array, signals: Signals, field: int, budget: Budget, constants: Constants
) -> tuple[Array, Outcome]:
    """Adam from flat ``init`` (P,); the loss is measured before each update, and over all points at last."""
    coords, targets = signals.coords, signals.values[field]
    beta1, beta2, rest1, rest2, epsilon = constants.adam
    weights = best = init.copy()
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    best_outcome = Outcome(Status.budget, 0, np.float32(np.inf))
    for step in range(budget.steps + 1):
        seen: slice | NDArray[np.int64] = slice(None)
        if budget.points is not None and step < budget.steps:
            assert signals.keys is not None
            seen = drawn_points(signals.keys[field : field + 1], step, budget.points, len(coords))[0]
        squares, gradient = _gradients(spec, weights, coords[seen], targets[seen], constants)
        if not np.isfinite(squares):
            initial, _ = _gradients(spec, init, coords, targets, constants)
            return init, Outcome(Status.diverged, step, initial)
        if squares <= constants.target:
            return weights, Outcome(Status.converged, step, squares)
        if squares < best_outcome.squares or not budget.keep_best:
            best, best_outcome = weights, Outcome(Status.budget, step, squares)
        if step < budget.steps:
            first = fma(rest1, gradient, beta1 * first)
            second = fma(rest2 * gradient, gradient, beta2 * second)
            ratio = first / fma(np.sqrt(second), constants.correction[step], epsilon)
            weights = fma(-constants.size[step], ratio, weights)
    return best, best_outcome


def stored_loss(squares: Array, count: int) -> Array:
    """Mean squared errors from sums over ``count`` values; the largest float32 if a sum is not finite."""
    finite = np.where(np.isfinite(squares), squares / np.float32(count), np.finfo(np.float32).max)
    return finite.astype(np.float32)


def fit_ordered(spec: FieldSpec, signals: Signals, inits: Array, budget: Budget) -> FitResult:
    """Fit as `Engine.fit` does, slowly and in exactly the stated order; ``output_scale`` must be 1."""
    constants = Constants.of(spec, signals, budget)
    with np.errstate(all="ignore"):
        fitted = [_fit_one(spec, init, signals, field, budget, constants) for field, init in enumerate(inits)]
        squares = np.array([outcome.squares for _, outcome in fitted], np.float32)
        loss = stored_loss(squares, signals.values.shape[1] * signals.values.shape[2])
    return FitResult(
        weights=np.array([weights for weights, _ in fitted]).reshape(inits.shape),
        psnr=psnr_from_loss(loss, signals.span),
        loss=loss,
        steps=np.array([outcome.steps for _, outcome in fitted], np.uint32),
        status=np.array([outcome.status for _, outcome in fitted], np.uint8),
    )
