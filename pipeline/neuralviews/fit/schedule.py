"""Step sizes of Adam, worked out on the host in float64 so that every engine and machine uses the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..portable import cospi
from .engine import Budget

__all__ = ["BETA1", "BETA2", "EPSILON", "AdamSchedule", "adam_schedule"]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class AdamSchedule:
    """Per-step factors, (steps,) float64: ``p -= size * m / (sqrt(v) * correction + eps)``.

    With t counted from 1, ``size = lr_t / (1 - beta1^t)`` and ``correction = 1 / sqrt(1 - beta2^t)``.
    Source: Kingma and Ba, "Adam" (ICLR 2015), algorithm 1.
    """

    size: NDArray[np.float64]
    correction: NDArray[np.float64]


def adam_schedule(budget: Budget) -> AdamSchedule:
    """The factors of every step; powers are sequential products, square roots are correctly rounded."""
    size = np.empty(budget.steps, np.float64)
    correction = np.empty(budget.steps, np.float64)
    power1 = power2 = 1.0
    for t in range(budget.steps):
        power1, power2 = power1 * BETA1, power2 * BETA2
        rate = budget.lr
        if budget.schedule == "cosine":
            rate *= 0.5 * (1.0 + cospi(t / budget.steps))
        size[t] = rate / (1.0 - power1)
        correction[t] = 1.0 / float(np.sqrt(1.0 - power2))
    return AdamSchedule(size, correction)
