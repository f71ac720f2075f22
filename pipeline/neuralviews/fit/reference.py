"""The ``reference`` engine: the plainest NumPy statement of a fit, one field at a time.

It is the oracle of the mathematics, not of the bits: NumPy's sine and BLAS choose their code by CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..field import FieldSpec, split
from ..records import Status
from .engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from .schedule import BETA1, BETA2, EPSILON, AdamSchedule, adam_schedule

__all__ = ["ReferenceEngine", "loss_and_gradient"]

Array = NDArray[np.floating[Any]]
LARGEST = float(np.finfo(np.float32).max)


class ReferenceEngine:
    """Fits any spec with any budget, slowly; every operation runs in ``dtype``.

    With float64 the weights are rounded to float32 at the end, and the loss that is recorded, and
    held against the target, is the one of the rounded weights.
    """

    name = "reference"
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
        check_inputs(spec, signals, inits)
        schedule, target = adam_schedule(budget), budget.target_loss(signals.span)
        coords, targets = signals.coords.astype(self.dtype), signals.values.astype(self.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            fits = [
                _fit_one(_Problem(spec, coords, values), init, budget, schedule, target)
                for values, init in zip(targets, inits, strict=True)
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

    def recorded_loss(self, weights: NDArray[np.float32]) -> np.float32:
        """What is stored for float32 weights; the largest float32 stands for no finite loss."""
        loss, _ = loss_and_gradient(self.spec, weights.astype(self.values.dtype), self.coords, self.values)
        return np.float32(loss if loss <= LARGEST else LARGEST)


@dataclass(frozen=True)
class _Fit:
    weights: NDArray[np.float32]
    loss: np.float32
    steps: int
    status: Status


def _fit_one(
    problem: _Problem, init: NDArray[np.float32], budget: Budget, schedule: AdamSchedule, target: float
) -> _Fit:
    dtype = problem.values.dtype.type
    weights = init.astype(dtype)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    best_loss, best, best_steps = np.inf, init, 0

    def outcome(chosen: Array, steps: int, status: Status) -> _Fit:
        rounded = chosen.astype(np.float32)
        return _Fit(rounded, problem.recorded_loss(rounded), steps, status)

    for step in range(budget.steps + 1):
        loss, gradient = loss_and_gradient(problem.spec, weights, problem.coords, problem.values)
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


def loss_and_gradient(spec: FieldSpec, weights: Array, coords: Array, values: Array) -> tuple[float, Array]:
    """Mean squared error of one field and its gradient, by backpropagation written out.

    Args:
        weights: (P,), coords: (p, d), values: (p, c), all of one dtype, in which everything runs.
    Returns:
        The loss, and d loss / d weights of shape (P,).
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
    error = output - values

    gradient = np.empty_like(weights)
    parts = split(spec, gradient)
    delta = dtype(2 * spec.output_scale / error.size) * error
    for index in reversed(range(len(pairs))):
        parts[index][0][...] = delta.T @ inputs[index]
        parts[index][1][...] = delta.sum(axis=0)
        if index:
            delta = (delta @ pairs[index][0]) * slopes[index - 1]
    return float(np.mean(error * error)), gradient
