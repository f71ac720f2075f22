"""Which field is in which slot of a batch, and what has come out so far: the host's side of fitting."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..records import Status
from .engine import Budget, FitResult, Signals, psnr_from_loss
from .torch_graph import repeated
from .torch_progress import LARGEST, Progress
from .torch_step import FieldBatch

__all__ = ["fit_in_slots"]


def fit_in_slots(
    batch: FieldBatch, signals: Signals, inits: NDArray[np.float32], budget: Budget, look: int
) -> FitResult:
    """Fit all signals, as many at a time as the batch has slots.

    Args:
        look: the host waits for the device after this many steps, to hand the slots of fields that have
            ended to the next in line; no result depends on it.
    """
    return _Fits(batch, signals, inits, budget).run(look)


class _Fits:
    def __init__(
        self, batch: FieldBatch, signals: Signals, inits: NDArray[np.float32], budget: Budget
    ) -> None:
        fields, slots = len(inits), len(batch.weights)
        self._batch, self._signals, self._inits, self._budget = batch, signals, inits, budget
        self._progress = Progress(batch, budget, signals.span)
        self._waiting = iter(range(fields))
        self._field = np.full(slots, -1)  # -1: the slot is empty
        self._step = np.zeros(slots, np.int64)  # of fields that had not ended at the last look
        self._weights = np.empty_like(inits)
        self._loss = np.empty(fields, np.float32)
        self._steps = np.empty(fields, np.uint32)
        self._status = np.empty(fields, np.uint8)

    def run(self, look: int) -> FitResult:
        advance = repeated(self._progress.advance, self._batch.weights.device)
        self._fill(np.arange(len(self._field)))
        while (occupied := self._field >= 0).any():
            # Without a target, fields end when they have run all steps: then, not at some multiple, look.
            count = min(look, self._budget.steps - int(self._step[occupied].max()) + 1)
            advance(count)
            going = _on_host(self._progress.going)
            self._step += count
            ended = np.flatnonzero(occupied & ~going)
            if len(ended):
                self._harvest(ended)
                self._fill(ended)
        self._measure_initial(np.flatnonzero(self._status == Status.diverged))
        return FitResult(
            self._weights,
            psnr_from_loss(self._loss, self._signals.span),
            self._loss,
            self._steps,
            self._status,
        )

    def _measure_initial(self, lost: NDArray[np.int64]) -> None:
        """Record the loss of the initial weights of some fields, which end with these."""
        slots = len(self._field)
        for start in range(0, len(lost), slots):
            fields = lost[start : start + slots]
            self._load(np.arange(len(fields)), fields)
            loss = _on_host(self._batch.measure_all())[: len(fields)]
            self._loss[fields] = np.where(loss <= LARGEST, loss, LARGEST)

    def _harvest(self, slots: NDArray[np.int64]) -> None:
        """Take results out of slots whose fields have ended, and empty them."""
        fields, progress = self._field[slots], self._progress
        step, loss = _on_host(progress.step)[slots], _on_host(self._batch.loss)[slots]
        kept_step, kept_loss = step, loss
        if self._budget.keep_best:
            kept_step, kept_loss = _on_host(progress.kept_step)[slots], _on_host(progress.kept_loss)[slots]
        last = step == self._budget.steps
        if self._budget.measures_last and last.any():
            kept_loss = loss = np.where(last, _on_host(self._batch.measure_all())[slots], loss)
        lost = ~(loss <= LARGEST)
        met = loss.astype(np.float64) <= self._budget.target_loss(self._signals.span)
        self._status[fields] = np.where(lost, Status.diverged, np.where(met, Status.converged, Status.budget))
        self._steps[fields] = np.where(lost, step, kept_step)
        self._loss[fields] = kept_loss
        found = self._batch.read(progress.kept, slots.tolist())
        self._weights[fields] = np.where(lost[:, None], self._inits[fields], found)
        self._field[slots] = -1

    def _fill(self, slots: NDArray[np.int64]) -> None:
        """Start the next fields in line in free slots."""
        fields = np.array([field for _, field in zip(slots, self._waiting, strict=False)], np.int64)
        taken = slots[: len(fields)]
        if not len(taken):
            return
        self._field[taken], self._step[taken] = fields, 0
        self._load(taken, fields)
        self._progress.start(taken.tolist())

    def _load(self, slots: NDArray[np.int64], fields: NDArray[np.int64]) -> None:
        keys = None if self._signals.keys is None else self._signals.keys[fields]
        self._batch.load(slots.tolist(), self._inits[fields], self._signals.values[fields], keys)


def _on_host(column: torch.Tensor) -> NDArray[Any]:
    """(slots,) of (slots, 1), waited for."""
    return column[:, 0].cpu().numpy()
