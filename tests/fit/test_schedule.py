"""Step sizes of Adam, against torch's optimiser and scheduler and against exact values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.fit.engine import Budget
from neuralviews.fit.schedule import BETA1, BETA2, EPSILON, adam_schedule


@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_cosine_is_torchs(steps: int) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    size = adam_schedule(Budget(steps, 3e-3, schedule="cosine")).size
    powers = np.array([BETA1**t for t in range(1, steps + 1)])
    np.testing.assert_allclose(size * (1 - powers), rates, rtol=1e-11, atol=1e-15)


@given(st.integers(1, 400), st.floats(1e-6, 1.0))
def test_constant_schedule_corrects_the_bias_of_both_moments(steps: int, lr: float) -> None:
    schedule = adam_schedule(Budget(steps, lr))
    assert schedule.size.dtype == schedule.correction.dtype == np.float64
    assert len(schedule.size) == len(schedule.correction) == steps
    for t in {1, (steps + 1) // 2, steps}:
        assert math.isclose(schedule.size[t - 1], lr / (1 - BETA1**t), rel_tol=1e-12)
        assert math.isclose(schedule.correction[t - 1], 1 / math.sqrt(1 - BETA2**t), rel_tol=1e-11)


def test_a_constant_gradient_moves_each_step_by_the_learning_rate() -> None:
    """Corrected moments of a constant gradient are the gradient and its square, from the first step on."""
    schedule, gradient, mean, square = adam_schedule(Budget(50, 0.01)), -3.0, 0.0, 0.0
    for size, correction in zip(schedule.size, schedule.correction, strict=True):
        mean = BETA1 * mean + (1 - BETA1) * gradient
        square = BETA2 * square + (1 - BETA2) * gradient**2
        assert math.isclose(size * mean / (math.sqrt(square) * correction + EPSILON), -0.01, rel_tol=1e-7)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_first_step_is_the_whole_learning_rate(schedule: str) -> None:
    found = adam_schedule(Budget(9, 0.5, schedule=schedule))  # type: ignore[arg-type]
    assert found.size[0] == 0.5 / (1 - BETA1)


def test_powers_are_sequential_products() -> None:
    """The stated order of operations: a library's power may differ in the last bit between machines."""
    power1 = power2 = 1.0
    schedule = adam_schedule(Budget(300, 1.0))
    for t in range(300):
        power1, power2 = power1 * BETA1, power2 * BETA2
        assert schedule.size[t] == 1.0 / (1.0 - power1)
        assert schedule.correction[t] == 1.0 / math.sqrt(1.0 - power2)
