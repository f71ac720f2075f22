"""One run of training: a reader learns the classes of fields, and is tested where validation liked it best.

Protocol of Shamsian et al., "Improved Generalization of Weight Space Networks via Augmentations" (ICML 2024):
trained on the first n views of the training objects, chosen on the first view of validation objects, tested
on the first view of test objects.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..draws import Draws, row_seeds
from ..errors import OptionError, TrainingError
from ..seeds import derive_seed
from .objective import Objective
from .scoring import accuracy

if TYPE_CHECKING:
    from .conditions import Condition
    from .fields import Fields
    from .readers.base import Reader

__all__ = ["Trained", "Training", "batches", "require_batch", "train"]

WEIGHT_DECAY = 5e-4
CHECKPOINTS = 20
TRAIN_SAMPLE = 2000
MOST_LR = 1e30
"""Rates near the end of float32 overflow within the optimizer; training at this one fails as others do."""


@dataclass(frozen=True)
class Training:
    """What all runs of an evaluation share.

    Args:
        steps: of the optimizer, equally many in every run.
        batch: records a step.
        lr: the first learning rate; it falls to 0 along half a cosine. None takes each reader's own.
        hidden: width of readers; None takes each reader's own.
        seed: root of all draws.
    """

    steps: int
    batch: int
    lr: float | None = None
    hidden: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, sound, expected in (
            ("batch", self.batch, self.batch >= 2, "2 or more"),
            (
                "lr",
                self.lr,
                self.lr is None or 0 < self.lr <= MOST_LR,
                f"a number above 0, up to {MOST_LR:g}",
            ),
        ):
            if not sound:
                raise OptionError(f"{name}: found {value}, expected {expected}")


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run came to.

    Args:
        train, val, test: accuracies from 0 to 1 of the model chosen; ``train`` of up to 2,000 fields that it
            was trained on, without augmentation, against the labels that it was given.
        step: after which it was chosen.
        records: how many it was trained on.
        parameters: of the reader.
        seconds, loader_seconds: of all steps, and of weighing records anew, without checkpoints; and of
            getting the steps' batches.
        suspicion: (records,) float64, the last weights of multiplicative reweighting; None without it.
    """

    train: float
    val: float
    test: float
    step: int
    records: int
    parameters: int
    seconds: float
    loader_seconds: float
    suspicion: NDArray[np.float64] | None


def train(
    reader: "Reader",
    fields: "Fields",
    validation: "Fields",
    test: "Fields",
    condition: "Condition",
    training: Training,
) -> Trained:
    """Train by AdamW; the model with the best accuracy on ``validation``, the earliest of equals, is tested.

    Raises:
        OptionError: fewer records than a batch has.
        TrainingError: a loss that is not finite.
    """
    require_batch(len(fields), training.batch, "")
    seed = derive_seed(training.seed, fields.store.dataset_id, "training", condition.seed)
    rate = reader.lr if training.lr is None else training.lr
    objective = Objective(reader, fields, condition, training, derive_seed(seed, "damp"))
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    stops = checkpoints(training.steps)
    best, chosen, kept = -1.0, 0, {}
    seconds = loading = 0.0
    source = batches(len(fields), training.batch, seed)
    reader.train()
    for step in range(1, training.steps + 1):
        begun = perf_counter()
        epoch, index, last = next(source)
        batch = fields.batch(index, epoch)
        loaded = perf_counter()
        now = scheduled(rate, step, training.steps)
        for group in optimizer.param_groups:
            group["lr"] = now
        loss = objective.backward(batch)
        if not math.isfinite(loss):
            raise not_finite(reader.name, step, now, condition.damp)
        optimizer.step()
        sound = not last or objective.end_epoch()
        ended = perf_counter()
        seconds, loading = seconds + ended - begun, loading + loaded - begun
        if not sound:
            raise not_finite(reader.name, step, now, condition.damp)
        if step in stops:
            found = accuracy(reader, validation)
            if found > best:
                best, chosen = found, step
                kept = {name: value.clone() for name, value in reader.state_dict().items()}
    reader.load_state_dict(kept)
    sample = np.linspace(0, len(fields) - 1, min(len(fields), TRAIN_SAMPLE)).astype(np.int64)
    return Trained(
        accuracy(reader, fields, sample),
        best,
        accuracy(reader, test),
        chosen,
        len(fields),
        sum(parameter.numel() for parameter in reader.parameters()),
        seconds,
        loading,
        objective.suspicion,
    )


def require_batch(records: int, batch: int, what: str) -> None:
    """Raise OptionError if there are fewer records than a batch has."""
    if records < batch:
        smaller = f"--batch {records} or fewer, or " if records > 1 else ""
        raise OptionError(
            f"batch: found {batch} records a step, but {what}{records} to train on; "
            f"use {smaller}more views or objects"
        )


def checkpoints(steps: int) -> set[int]:
    """About 20 steps, evenly spread, the last one among them."""
    return {round(steps * part / CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)} - {0}


def scheduled(rate: float, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 1: half a cosine, from ``rate`` to nearly 0."""
    return rate * (1 + math.cos(math.pi * (step - 1) / steps)) / 2


def batches(count: int, batch: int, seed: int) -> Iterator[tuple[int, NDArray[np.int64], bool]]:
    """For ever: the epoch from 0, places of a batch (B,), and whether it is the last of its epoch.

    Each epoch is in an order of its own; what is left of it when no whole batch is, is left out.
    """
    epoch = 0
    while True:
        keys = Draws(row_seeds(derive_seed(seed, "order", epoch), np.arange(count))).bits(1)[:, 0]
        order = np.argsort(keys, kind="stable")
        for start in range(0, count - batch + 1, batch):
            yield epoch, order[start : start + batch], start + 2 * batch > count
        epoch += 1


def not_finite(reader: str, step: int, rate: float, damp: float = 0.0) -> TrainingError:
    """What stops a run whose loss is not finite."""
    noise = f" and noise {damp:.3g} on its weights" if damp else ""
    return TrainingError(
        f"reader {reader!r}: the loss is not finite at step {step}, at learning rate {rate:.3g}{noise}; "
        f"use a smaller --lr{' or --damp' if damp else ''}"
    )
