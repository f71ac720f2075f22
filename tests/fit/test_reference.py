"""The oracle of the fits, against torch's autograd and torch's Adam in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralviews.field import FieldSpec, evaluate, split
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.reference import ReferenceEngine, loss_and_gradient

SPECS = [
    FieldSpec([2, 16, 16, 1], output_offset=0.5),
    FieldSpec([1, 7, 3], omega=11.0),
    FieldSpec([3, 12, 5, 9, 2], omega=(30.0, 10.0, 4.0), output_offset=-0.2, output_scale=0.3),
]


def problem(spec: FieldSpec, points: int = 31) -> tuple[NDArray[np.float32], Signals]:
    rng = np.random.default_rng(8)
    coords = rng.uniform(-1, 1, (points, spec.in_dim)).astype(np.float32)
    values = rng.uniform(0, 1, (1, points, spec.out_dim)).astype(np.float32)
    return initial_weights(spec, "siren", [12]), Signals(coords, values, 1.0)


def torch_loss(spec: FieldSpec, flat: Any, signals: Signals, loss: str = "mse") -> Any:
    """The loss of flat float64 weights, differentiable."""
    hidden = torch.tensor(signals.coords).double()
    for layer, omega in zip(spec.layers, (*spec.omega, None), strict=True):
        hidden = hidden @ flat[layer.weight].view(layer.fan_out, layer.fan_in).T + flat[layer.bias]
        hidden = (
            hidden * spec.output_scale + spec.output_offset if omega is None else torch.sin(omega * hidden)
        )
    wanted = torch.tensor(signals.values[0]).double()
    if loss == "bce":
        return torch.nn.functional.binary_cross_entropy_with_logits(hidden, wanted)
    return torch.nn.functional.mse_loss(hidden, wanted)


@pytest.mark.parametrize("loss", ["mse", "bce"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.dims))
def test_gradient_is_autograds(spec: FieldSpec, loss: Any) -> None:
    inits, signals = problem(spec)
    flat = torch.tensor(inits[0]).double().requires_grad_()
    expected = torch_loss(spec, flat, signals, loss)
    expected.backward()
    squares, gradient = loss_and_gradient(
        spec,
        inits[0].astype(np.float64),
        signals.coords.astype(np.float64),
        signals.values[0].astype(np.float64),
        loss,
    )
    if loss == "mse":
        assert squares == pytest.approx(expected.item(), rel=1e-13)
    else:
        given = torch.sigmoid(torch.tensor(evaluate(spec, inits[0], signals.coords)).double()).numpy()
        assert squares == pytest.approx(np.mean((given - signals.values[0]) ** 2), rel=1e-5)
    np.testing.assert_allclose(gradient, flat.grad.numpy(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.dims))
def test_fit_is_torch_adam(spec: FieldSpec, schedule: str) -> None:
    inits, signals = problem(spec)
    budget = replace(Budget(30, 2e-3), schedule=schedule)
    found = ReferenceEngine().fit(spec, signals, inits, budget)
    flat = torch.nn.Parameter(torch.tensor(inits[0]).double())
    optimizer = torch.optim.Adam([flat], lr=budget.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=budget.steps)
    for _ in range(budget.steps):
        optimizer.zero_grad()
        torch_loss(spec, flat, signals).backward()
        optimizer.step()
        if schedule == "cosine":
            scheduler.step()
    np.testing.assert_allclose(found.weights[0], flat.detach().numpy(), rtol=1e-6, atol=1e-9)


def test_loss_is_measured_on_the_rounded_weights() -> None:
    inits, signals = problem(SPECS[0])
    found = ReferenceEngine().fit(SPECS[0], signals, inits, Budget(20, 1e-3))
    error = evaluate(SPECS[0], found.weights[0], signals.coords) - signals.values[0]
    assert found.loss[0] == np.float32(np.mean(error**2))


def test_float32_runs_in_float32() -> None:
    inits, signals = problem(SPECS[0])
    loss, gradient = loss_and_gradient(SPECS[0], inits[0], signals.coords, signals.values[0])
    assert gradient.dtype == np.float32
    assert loss == float(np.float32(loss))


def test_arithmetic_tells_the_types_apart() -> None:
    double, single = ReferenceEngine().arithmetic, ReferenceEngine(np.float32).arithmetic
    assert (double["dtype"], single["dtype"]) == ("float64", "float32")
    assert {**double, "dtype": None} == {**single, "dtype": None}


def test_gradient_leaves_its_inputs_alone() -> None:
    inits, signals = problem(SPECS[2])
    before = inits.tobytes()
    loss_and_gradient(SPECS[2], inits[0], signals.coords, signals.values[0])
    assert inits.tobytes() == before
    assert [w.shape for w, _ in split(SPECS[2], inits[0])] == [(12, 3), (5, 12), (9, 5), (2, 9)]
