"""Multiplicative reweighting: records whose loss stays high count less and less.

Source: Bar, Drory and Giryes, "Multiplicative Reweighting for Robust Neural Network Optimization" (SIAM
Journal on Imaging Sciences, 2023), and its released code. After every epoch the loss of each training record
under the present model is added to the record's sum; records are weighted by ``softmax(-eta * sums)``.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import OptionError

__all__ = ["MultiplicativeWeights", "mixed_weighted_loss", "positive", "weighted_loss"]

ETA = 0.01
"""As published, for losses summed over 160 epochs."""


class MultiplicativeWeights:
    """Weights of the training records, uniform at first. A small one says: this label may be wrong.

    Args:
        count: N, how many records.
        eta: how fast weights fall. The published 0.01 is for 160 updates: with fewer, the sums are smaller
            and weights stay nearly uniform; ``1.6 / updates`` keeps the product of both.
        cap: m from above 0 to 1: no weight exceeds 1 / (m N), so at least m N records share all of it. What
            exceeds goes to the others in proportion to their weights, which is the nearest such
            distribution in relative entropy. None sets no limit.
    Attributes:
        p: (N,) float64, sum 1.
    Raises:
        OptionError: an argument that cannot be.
    """

    def __init__(self, count: int, *, eta: float = ETA, cap: float | None = None) -> None:
        if count < 1:
            raise OptionError(f"reweighting: found {count} records, expected at least 1")
        if not 0 < eta < np.inf:
            raise OptionError(f"reweighting: found eta {eta!r}, expected a number above 0")
        if cap is not None and not 1 / count <= cap <= 1:
            raise OptionError(f"reweighting: found cap {cap!r}, expected a number from 1/{count} to 1")
        self.eta = eta
        self._most = None if cap is None else 1 / (cap * count)
        self._sums = np.zeros(count)
        self.p = np.full(count, 1 / count)

    def update(self, losses: NDArray[np.floating[Any]]) -> None:
        """Add the losses of all records, (N,), under the present model, and weigh anew.

        Raises:
            OptionError: not one finite loss for each record.
        """
        if losses.shape != self._sums.shape:
            raise OptionError(f"losses: found {losses.shape}, expected ({len(self._sums)},)")
        if not np.isfinite(losses).all():
            raise OptionError(f"losses: found {(~np.isfinite(losses)).sum()} that are not finite")
        self._sums += losses
        exponents = -self.eta * self._sums
        exponents -= exponents.max()  # the published code's plain exp comes to 0 / 0
        exponents -= np.log(np.exp(exponents).sum())
        self.p = np.exp(exponents) if self._most is None else _capped(exponents, self._most)


def weighted_loss(losses: Tensor, p: Tensor) -> Tensor:
    """The mean loss of a batch weighted by ``p``: ``sum p l / sum p``, a scalar; 0 if all weights are 0.

    Args:
        losses, p: (B,), of one dtype.
    """
    return (p * losses).sum() / positive(p.sum())


def mixed_weighted_loss(loss_a: Tensor, loss_b: Tensor, lam: Tensor, p_a: Tensor, p_b: Tensor) -> Tensor:
    """The same of mixed records: ``sum (lam p_a l_a + (1 - lam) p_b l_b) / sum (lam p_a + (1 - lam) p_b)``.

    The published code divides by ``sum p_a``, which is the same there: its partners are the batch permuted,
    with one lam.

    Args:
        loss_a, loss_b: (B,), the losses against the labels of either parent.
        lam: (B,) or a scalar, the share of the first parent.
        p_a, p_b: (B,), the weights of either parent.
    """
    share_a, share_b = lam * p_a, (1 - lam) * p_b
    return (share_a * loss_a + share_b * loss_b).sum() / positive((share_a + share_b).sum())


def _capped(log_p: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """The distribution nearest to ``exp(log_p)`` without a value above ``most``.

    The k largest are set to ``most``, and the others scaled to the rest of 1, for the least k that leaves no
    other above it. In logarithms, as the others may all be too small for a float.
    """
    order = np.argsort(-log_p, kind="stable")
    falling = log_p[order]
    others = np.logaddexp.accumulate(falling[::-1])[::-1]  # log of the sum from each place on
    rest = np.maximum(1 - most * np.arange(len(order)), 0)
    with np.errstate(divide="ignore"):
        largest = np.log(rest) + falling - others
    k = int(np.argmax(largest <= np.log(most) + 1e-12))
    capped = np.full(len(log_p), most)
    capped[order[k:]] = np.minimum(rest[k] * np.exp(falling[k:] - others[k]), most)
    return capped


def positive(total: Tensor) -> Tensor:
    """A sum of weights to divide by: nothing, where all are 0, is not divided by 0."""
    return total.clamp(min=torch.finfo(total.dtype).tiny)
