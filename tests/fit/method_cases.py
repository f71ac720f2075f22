"""What the methods beside plain fitting are tested on, and Adam written once more for them."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from neuralviews.field import FieldSpec, split
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.method import Method, Scope
from neuralviews.fit.reference import ReferenceEngine

from .torch_cases import SPEC, problem

SCOPE = Scope(0.02, (0.01, -0.02, 0.03), (0.4, 0.09, 0.2))
METHODS = {
    "damp": Method(sigma=0.05),
    "scope": Method(scope=SCOPE),
    "int8": Method(shadow="int8"),
    "fp16": Method(shadow="fp16"),
    "damp-and-scope": Method(sigma=0.05, scope=SCOPE),
    "int8-and-scope": Method(shadow="int8", scope=SCOPE),
}
RATE = 2e-3
Tensor = torch.Tensor


def field_error(spec: FieldSpec, weights: Tensor, coords: Tensor, values: Tensor) -> Tensor:
    """Mean squared error of a field with flat float64 weights, for autograd."""
    hidden = coords
    for layer, omega in zip(spec.layers, (*spec.omega, None), strict=True):
        matrix = weights[layer.weight].view(layer.fan_out, layer.fan_in)
        hidden = hidden @ matrix.T + weights[layer.bias]
        hidden = spec.output_scale * hidden + spec.output_offset if omega is None else (omega * hidden).sin()
    return ((hidden - values) ** 2).mean()


def adam_by_hand(
    init: NDArray[np.float32], steps: int, gradient: Callable[[Tensor, int], Tensor]
) -> NDArray[np.float64]:
    """Weights after so many steps of torch's own Adam, whose gradient is what is given here."""
    weights = torch.tensor(init, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=RATE)
    for step in range(steps):
        weights.grad = gradient(weights.detach(), step)
        optimiser.step()
    return weights.detach().numpy()


def written_out(
    steps: int, method: Method, gradient: Callable[[int, Tensor, Tensor, Tensor, int], Tensor]
) -> tuple[FitResult, NDArray[np.float64]]:
    """What the oracle fits of two fields, and what comes out by hand.

    Args:
        gradient: of (field, weights, coords, values, step).
    """
    inits, signals = problem(SPEC, 40, 2)
    found = ReferenceEngine().fit(SPEC, signals, inits, Budget(steps, RATE, method=method))
    coords = torch.tensor(signals.coords, dtype=torch.float64)
    expected = []
    for field, init in enumerate(inits):
        values = torch.tensor(signals.values[field], dtype=torch.float64)

        def own(weights: Tensor, step: int, field: int = field, values: Tensor = values) -> Tensor:
            return gradient(field, weights, coords, values, step)

        expected.append(adam_by_hand(init, steps, own))
    return found, np.array(expected)


def error_of(signals: Signals, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) mean squared errors of float32 weights as they are, in float64."""
    coords = torch.tensor(signals.coords, dtype=torch.float64)
    values = torch.tensor(signals.values, dtype=torch.float64)
    rows = torch.tensor(weights, dtype=torch.float64)
    return np.array([float(field_error(SPEC, w, coords, v)) for w, v in zip(rows, values, strict=True)])


def tensors(spec: FieldSpec, flat: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Weight matrices and biases of one field, input to output."""
    return [part for pair in split(spec, flat) for part in pair]
