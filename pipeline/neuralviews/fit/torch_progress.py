"""How far the field in each slot is, kept on the device: steps follow each other without the host."""

import numpy as np
import torch
from numpy.typing import NDArray

from .engine import Budget
from .schedule import adam_schedule
from .torch_step import FieldBatch

__all__ = ["LARGEST", "Progress"]

LARGEST = float(np.finfo(np.float32).max)


class Progress:
    """The steps of the fields of a batch, each until it ends: from then on its slot is frozen.

    A field ends where its loss is not finite, meets the target, or is that after the last step. The host
    may look at any time: what it finds of a field that has ended never changes, since the frozen weights
    are measured again and again to the same bits.

    Attributes:
        going: (slots, 1) bool, whether the field has not ended; False of empty slots.
        step: (slots, 1) int64, updates so far.
        kept: (slots, P) float32, the best weights with ``keep_best``, else the batch's own.
        kept_loss, kept_step: (slots, 1), of the kept weights.
    """

    def __init__(self, batch: FieldBatch, budget: Budget, span: float) -> None:
        device, slots = batch.weights.device, len(batch.weights)
        self._batch, self._keep_best = batch, budget.keep_best
        self._table = torch.tensor(_step_table(budget, span), dtype=torch.float32, device=device)
        self._now = torch.empty((slots, 3), dtype=torch.float32, device=device)
        self._size, self._correction, self._bound = (self._now[:, i : i + 1] for i in range(3))
        self.going = torch.zeros((slots, 1), dtype=torch.bool, device=device)
        self.step = torch.zeros((slots, 1), dtype=torch.int64, device=device)
        self.kept, self.kept_loss, self.kept_step = batch.weights, batch.loss, self.step
        if budget.keep_best:
            self.kept, self.kept_step = batch.weights.clone(), self.step.clone()
            self.kept_loss = torch.full_like(batch.loss, torch.inf)

    def start(self, slots: list[int]) -> None:
        """Fresh fields are in these slots."""
        chosen = torch.tensor(slots, device=self.step.device)
        self.going.index_fill_(0, chosen, True)
        self.step.index_fill_(0, chosen, 0)
        if self._keep_best:
            self.kept_loss.index_fill_(0, chosen, torch.inf)

    def advance(self) -> None:
        """One step of every slot: draw, measure, note, update. Nothing here waits for the device.

        Nor does anything depend on what the host knows: a CUDA graph of it can be replayed.
        """
        self._batch.draw(self.step)
        loss = self._batch.measure()
        if self._keep_best:
            better = loss < self.kept_loss  # not where it is NaN
            torch.where(better, self._batch.weights, self.kept, out=self.kept)
            torch.where(better, self.step, self.kept_step, out=self.kept_step)
            torch.where(better, loss, self.kept_loss, out=self.kept_loss)
        torch.index_select(self._table, 0, self.step.view(-1), out=self._now)
        self.going &= loss > self._bound
        self.going &= loss <= LARGEST
        self._batch.update(self._size, self._correction, self.going)
        self.step += self.going


def _step_table(budget: Budget, span: float) -> NDArray[np.float64]:
    """Of each number of updates: Adam's two factors, and the loss above which a field goes on.

    (steps + 1, 3), and float32 holds the last column as it is. No loss is above the infinity of the last
    row, where all steps are done.
    """
    schedule, target = adam_schedule(budget), budget.target_loss(span)
    bound = np.float32(min(target, LARGEST))
    if float(bound) > target:  # round down: a float32 is above this where it is above the target
        bound = np.nextafter(bound, np.float32(-np.inf))
    steps = np.column_stack([schedule.size, schedule.correction, np.full(budget.steps, float(bound))])
    return np.vstack([steps, [0.0, 1.0, np.inf]])
