"""What a step minimizes: the plain loss, that under noise on the reader's weights, or a reweighted one."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from .fields import FieldBatch
from .perturbation import damped_gradients
from .reweighting import MultiplicativeWeights, mixed_weighted_loss, positive, weighted_loss
from .scoring import losses

if TYPE_CHECKING:
    from .conditions import Condition
    from .fields import Fields
    from .readers.base import Reader
    from .training import Training

__all__ = ["Objective"]

ETA_SUM = 1.6
"""Rate of reweighting times the number of updates: 0.01 for 160 epochs, as published."""


class Objective:
    """The loss of batches, and its gradients.

    Args:
        seed: of the noise on the reader's weights.
    """

    def __init__(
        self, reader: "Reader", fields: "Fields", condition: "Condition", training: "Training", seed: int
    ) -> None:
        self._reader, self._fields, self._damp = reader, fields, condition.damp
        self._noise = torch.Generator().manual_seed(seed)
        self._weights = None
        if condition.reweight != "none":
            updates = training.steps // (len(fields) // training.batch)
            self._weights = MultiplicativeWeights(len(fields), eta=ETA_SUM / max(updates, 1))

    @property
    def suspicion(self) -> NDArray[np.float64] | None:
        """The weight of each record; None without reweighting."""
        return None if self._weights is None else self._weights.p

    def backward(self, batch: FieldBatch) -> float:
        """Leave the gradients of a batch in the reader's parameters; gives its loss."""
        self._reader.zero_grad(set_to_none=True)
        if self._damp:
            return damped_gradients(
                self._reader.parameters(),
                lambda part: self._part_loss(batch, part),
                len(batch.weights),
                sigma=self._damp,
                generator=self._noise,
            )
        loss = self._loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def end_epoch(self) -> bool:
        """Weigh records anew by their losses, if they are weighed; False where a loss is not finite."""
        if self._weights is None:
            return True
        found = losses(self._reader, self._fields)
        if not np.isfinite(found).all():
            return False
        self._weights.update(found)
        return True

    def _loss(self, batch: FieldBatch) -> Tensor:
        scores = self._reader(batch.weights)
        if self._weights is None:
            return cross_entropy(scores, batch.target)
        p = self._p(batch.place)
        if batch.partner is None or batch.lam is None:
            return weighted_loss(cross_entropy(scores, batch.target, reduction="none"), p)
        return mixed_weighted_loss(
            self._against(scores, batch.place, second=False),
            self._against(scores, batch.partner, second=True),
            batch.lam,
            p,
            self._p(batch.partner),
        )

    def _part_loss(self, batch: FieldBatch, part: slice) -> Tensor:
        """Of a part that counts by its records: with weights so scaled that it counts by these instead."""
        cut = _cut(batch, part)
        loss = self._loss(cut)
        if self._weights is None:
            return loss
        mass = self._mass(cut) / positive(self._mass(batch))
        return loss * mass * (len(batch.weights) / len(cut.weights))

    def _mass(self, batch: FieldBatch) -> Tensor:
        """The sum of the weights of a batch, by which its loss is divided."""
        p = self._p(batch.place)
        if batch.partner is None or batch.lam is None:
            return p.sum()
        return (batch.lam * p + (1 - batch.lam) * self._p(batch.partner)).sum()

    def _p(self, index: Tensor) -> Tensor:
        assert self._weights is not None
        count = len(self._weights.p)  # of mean 1, so that float32 holds them
        return torch.from_numpy(count * self._weights.p[index.numpy()]).float()

    def _against(self, scores: Tensor, parent: Tensor, *, second: bool) -> Tensor:
        target = torch.from_numpy(self._fields.parent_target(parent.numpy(), second=second))
        return cross_entropy(scores, target, reduction="none")


def _cut(batch: FieldBatch, part: slice) -> FieldBatch:
    weights, target, place, partner, lam = batch
    return FieldBatch(
        weights[part],
        target[part],
        place[part],
        None if partner is None else partner[part],
        None if lam is None else lam[part],
    )
