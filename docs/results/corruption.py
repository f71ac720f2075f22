"""Whether readers trained under noise on their own weights (DAMP) bear corrupted fields better."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from neuralviews import Store
from neuralviews.augment.base import Augmentation
from neuralviews.augment.noise import GaussianNoise
from neuralviews.data.transform import Transform
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import Fields
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.results import Spread
from neuralviews.evaluate.scoring import accuracy
from neuralviews.evaluate.training import Training

from .kept import keep
from .one_run import run_once

__all__ = ["NOISES", "measure_corrupted"]

TRAINING = Training(1000, 128)
SEEDS = 3
NOISES = (0.0, 0.05, 0.1, 0.2)
"""Of weights, per spread of their tensor."""


def measure_corrupted(store: Store, damp: float, kept: Path) -> None:
    """Train `dws` on ten views, and test it on the test fields under noise.

    Args:
        kept: file to note the accuracies in, by ``damp``.
    """
    found: dict[float, list[float]] = {noise: [] for noise in NOISES}
    for seed in range(SEEDS):
        reader, test, _ = run_once(store, Condition("dws", 10, damp=damp, seed=seed), TRAINING)
        for noise in NOISES:
            found[noise].append(_accuracy(reader, test, GaussianNoise(noise), seed))
    keep(kept, str(damp), [Spread.of(accuracies).text() for accuracies in found.values()])


def _accuracy(reader: Reader, test: Fields, noise: Augmentation, seed: int) -> float:
    corrupted = replace(test, transform=Transform.of(noise, test.store, test.rows, seed))
    weights = corrupted.batch(np.arange(len(test))).weights.numpy()
    return accuracy(reader, replace(test, kept=weights))
