"""The ``reference`` engine: the plainest NumPy statement of a fit, one field at a time.

It is the oracle of the mathematics, not of the bits: NumPy's sine and BLAS choose their code by CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec, split
from ..records import Status
from .damp import damp_factors
from .engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from .minibatch import drawn_points
from .schedule import BETA1, BETA2, EPSILON, AdamSchedule, adam_schedule
from .scope import scope_penalty
from .shadow import shadow_weights

__all__ = ["ReferenceEngine", "loss_and_gradient"]

Array = NDArray[np.floating[Any]]
LARGEST = float(np.finfo(np.float32).max)


class ReferenceEngine:
    """Fits any spec with any budget, slowly; every operation runs in ``dtype``.

    With float64 the weights are rounded to float32 at the end, and the loss that is recorded, and
    held against the target, is the one of the rounded weights.
    """

    name = "reference"
    place = "cpu"
    batch = 8

    def __init__(self, dtype: type[np.floating[Any]] = np.float64) -> None:
        self.dtype = dtype

    @property
    def arithmetic(self) -> Mapping[str, str | int]:
        return {
            "engine": self.name,
            "version": 1,
            "dtype": np.dtype(self.dtype).name,
            "numpy": np.__version__,
        }

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        return None

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        check_inputs(spec, signals, inits, budget)
        schedule, target = adam_schedule(budget), budget.target_loss(signals.span)
        coords, targets = signals.coords.astype(self.dtype), signals.values.astype(self.dtype)
        keys = [None] * len(inits) if signals.keys is None else signals.keys[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            fits = [
                _fit_one(_Problem(spec, coords, values, budget, key), init, schedule, target)
                for values, key, init in zip(targets, keys, inits, strict=True)
            ]
        loss = np.array([fit.loss for fit in fits], np.float32)
        return FitResult(
            weights=np.array([fit.weights for fit in fits], np.float32).reshape(inits.shape),
            psnr=psnr_from_loss(loss, signals.span),
            loss=loss,
            steps=np.array([fit.steps for fit in fits], np.uint32),
            status=np.array([fit.status for fit in fits], np.uint8),
        )


@dataclass(frozen=True)
class _Problem:
    spec: FieldSpec
    coords: Array
    values: Array
    budget: Budget
    key: NDArray[np.uint64] | None

    def at(self, step: int) -> "_Problem":
        """The same at the points that a step works on; the last measurement is of all."""
        if self.budget.points is None or step == self.budget.steps:
            return self
        assert self.key is not None
        seen = drawn_points(self.key, step, self.budget.points, len(self.coords))[0]
        return replace(self, coords=self.coords[seen], values=self.values[seen])

    def seen(self, weights: Array, step: int) -> Array:
        """What a step takes for the weights."""
        method = self.budget.method
        if method is None or step == self.budget.steps:
            return weights
        if method.sigma is not None:
            assert self.key is not None
            factors: Array = damp_factors(self.spec, self.key, step, method.sigma)[0].astype(weights.dtype)
            return weights * factors
        return weights if method.shadow is None else shadow_weights(self.spec, weights, method.shadow)

    def stepped(self, weights: Array, step: int) -> tuple[float, Array]:
        """The loss that a step is judged by, and the gradient (P,) that moves the weights."""
        loss, gradient = self.at(step).measured(self.seen(weights, step))
        if self.budget.changes and self.budget.judges:
            loss = self.measured(weights)[0]
        if self.budget.method is not None and self.budget.method.scope is not None:
            gradient = gradient + scope_penalty(self.spec, weights, self.budget.method.scope)[1]
        return loss, gradient

    def measured(self, weights: Array) -> tuple[float, Array]:
        """Mean squared error of what the field gives, and the gradient (P,) of the loss."""
        return loss_and_gradient(self.spec, weights, self.coords, self.values, self.budget.loss)

    def recorded_loss(self, weights: NDArray[np.float32]) -> np.float32:
        """What is stored for float32 weights; the largest float32 stands for no finite loss."""
        loss, _ = self.measured(weights.astype(self.values.dtype))
        return np.float32(loss if loss <= LARGEST else LARGEST)


@dataclass(frozen=True)
class _Fit:
    weights: NDArray[np.float32]
    loss: np.float32
    steps: int
    status: Status


def _fit_one(problem: _Problem, init: NDArray[np.float32], schedule: AdamSchedule, target: float) -> _Fit:
    budget = problem.budget
    dtype = problem.values.dtype.type
    weights = init.astype(dtype)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    best_loss, best, best_steps = np.inf, init, 0

    def outcome(chosen: Array, steps: int, status: Status) -> _Fit:
        rounded = chosen.astype(np.float32)
        return _Fit(rounded, problem.recorded_loss(rounded), steps, status)

    for step in range(budget.steps + 1):
        loss, gradient = problem.stepped(weights, step)
        if not loss <= LARGEST:
            return outcome(init, step, Status.diverged)
        if loss <= target and (fit := outcome(weights, step, Status.converged)).loss <= target:
            return fit
        if loss < best_loss or not budget.keep_best:
            best_loss, best, best_steps = loss, weights.copy(), step
        if step < budget.steps:
            mean = dtype(BETA1) * mean + dtype(1 - BETA1) * gradient
            square = dtype(BETA2) * square + dtype(1 - BETA2) * gradient * gradient
            scale = np.sqrt(square) * dtype(schedule.correction[step]) + dtype(EPSILON)
            weights -= dtype(schedule.size[step]) * mean / scale
    return outcome(best, best_steps, Status.budget)


def loss_and_gradient(
    spec: FieldSpec, weights: Array, coords: Array, values: Array, loss: Literal["mse", "bce"] = "mse"
) -> tuple[float, Array]:
    """Mean squared error of what one field gives, and the gradient of its loss, written out.

    Args:
        weights: (P,), coords: (p, d), values: (p, c), all of one dtype, in which everything runs.
        loss: ``"bce"``: the field gives the sigmoid of its output, and the loss is the cross-entropy, whose
            derivative by the output is what is given minus the value.
    Returns:
        The mean squared error, and d loss / d weights of shape (P,).
    """
    dtype = weights.dtype.type
    pairs = split(spec, weights)
    inputs, slopes = [coords], []
    for (weight, bias), omega in zip(pairs[:-1], spec.omega, strict=True):
        phase = dtype(omega) * (inputs[-1] @ weight.T + bias)
        inputs.append(np.sin(phase))
        slopes.append(dtype(omega) * np.cos(phase))
    weight, bias = pairs[-1]
    output = dtype(spec.output_scale) * (inputs[-1] @ weight.T + bias) + dtype(spec.output_offset)
    error = (_sigmoid(output) if loss == "bce" else output) - values

    gradient = np.empty_like(weights)
    parts = split(spec, gradient)
    delta = dtype((1 if loss == "bce" else 2) * spec.output_scale / error.size) * error
    for index in reversed(range(len(pairs))):
        parts[index][0][...] = delta.T @ inputs[index]
        parts[index][1][...] = delta.sum(axis=0)
        if index:
            delta = (delta @ pairs[index][0]) * slopes[index - 1]
    return float(np.mean(error * error)), gradient


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), NaN where x is not finite: weights that are lost must not give a sound loss."""
    return 1 / (1 + np.exp(-x)) + (x - x)
