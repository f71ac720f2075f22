"""Aligned MixUp beside weight matching as people write it: the time a pair takes, and the distance left.

Fields are random, as inits make them, with spread biases or none but the last; and real ones, fitted to
images. One round aligns and mixes the same pairs in every way, in turn.
"""

import statistics
from collections.abc import Sequence
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from neuralviews.augment import AlignedMixUp, Augmentation
from neuralviews.augment.batch import Batch, Context, SoftLabels
from neuralviews.field import FieldSpec
from neuralviews.fit.init import InitScheme, initial_weights
from neuralviews.records import NO_LABEL
from neuralviews.symmetry import Group
from neuralviews.symmetry.align import align_weights

from .bench_fit import cpu_seconds
from .real_fields import RealFields
from .rows import Row
from .weight_matching import flat, matched, mixed, tensors

__all__ = ["halfway", "measure", "paired", "published", "squared_distances"]

Floats = NDArray[np.float32]

GROUPS: tuple[Group, ...] = get_args(Group)
PAIRS = {32: 256, 64: 128, 128: 32}
"""Width, and how many pairs are aligned in a round."""
REPEATS = 6
"""How often the fast ways align them, so that all take long enough."""
WANTED = {32: "at least 20x", 64: "at least 10x", 128: "at least 7x"}
BIASES: dict[InitScheme, str] = {"siren": "spread biases", "dws": "zero biases"}


def measure(rounds: int, sets: Sequence[RealFields]) -> list[Row]:
    """CPU time of each kind of pairs by each group; of random ones also the mean squared distance left."""
    torch.set_num_threads(1)
    rows = []
    for width, pairs in PAIRS.items():
        for scheme, biases in BIASES.items():
            spec = FieldSpec([2, width, width, 1])
            weights = initial_weights(spec, scheme, range(2 * pairs))
            a, b = weights[:pairs], weights[pairs:]
            title = f"2-{width}-{width}-1, random, {biases}"
            rows += [*_times(title, spec, a, b, rounds), *_distances(title, spec, a, b)]
    for real in sets:
        weights = real.store.weights(np.arange(len(real.store)))
        rows += _times(f"2-32-32-1, {real.title}", real.store.spec, weights, np.roll(weights, 1, 0), rounds)
    return rows


def paired(context: Context, a: Floats, b: Floats) -> Batch:
    """Fields ``a`` with second parents ``b``, (n, P) each, without labels."""
    labels = SoftLabels.of(np.full(len(a), NO_LABEL))
    return Batch(context, a, labels, a, partner=Batch.of(context, b, labels))


def halfway(step: Augmentation, batch: Batch) -> Batch:
    """Mixed half and half."""
    return step.apply(batch, np.full((len(batch), 1), 0.5, np.float32))


def published(spec: FieldSpec, a: Floats, b: Floats) -> Floats:
    """The fields ``b`` brought next to ``a``, (n, P) each, by weight matching."""
    generator = torch.Generator().manual_seed(0)
    return np.stack(
        [flat(matched(tensors(spec, x), tensors(spec, y), generator)) for x, y in zip(a, b, strict=True)]
    )


def squared_distances(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Of each pair, (n,)."""
    found: NDArray[np.float64] = ((a.astype(np.float64) - b) ** 2).sum(axis=1)
    return found


def _times(title: str, spec: FieldSpec, a: Floats, b: Floats, rounds: int) -> list[Row]:
    layers = [(tensors(spec, x), tensors(spec, y)) for x, y in zip(a, b, strict=True)]
    generator = torch.Generator().manual_seed(0)

    def plain() -> None:
        for one, other in layers:
            mixed(one, matched(one, other, generator), 0.5)

    batch = paired(Context(spec, 1.0, None, 0), a, b)
    steps = {group: AlignedMixUp(group=group) for group in GROUPS}
    theirs: list[float] = []
    ours: dict[Group, list[float]] = {group: [] for group in GROUPS}
    for step in steps.values():
        halfway(step, batch)  # compiles
    for _ in range(rounds):
        theirs.append(cpu_seconds(plain) / len(a))
        for group, step in steps.items():
            taken = cpu_seconds(lambda step=step: [halfway(step, batch) for _ in range(REPEATS)])
            ours[group].append(taken / (REPEATS * len(a)))
    wanted = WANTED[spec.dims[1]]
    return [_time(f"{title}: group `{g}`", ours[g], theirs, wanted if g == "phase" else "") for g in GROUPS]


def _time(name: str, ours: list[float], theirs: list[float], target: str) -> Row:
    ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
    baseline = f"weight matching {statistics.median(theirs) * 1e6:.4g} us"
    return Row(
        f"{name}, a pair; ratio: how much faster",
        statistics.median(ours) * 1e6,
        "us",
        baseline,
        ratio,
        target,
    )


def _distances(title: str, spec: FieldSpec, a: Floats, b: Floats) -> list[Row]:
    theirs = squared_distances(a, published(spec, a, b)).mean()
    before, rows = squared_distances(a, b).mean(), []
    for group, target in zip(GROUPS, ("at most 1x", "", "at most 0.5x"), strict=True):
        left = align_weights(spec, a, b, group=group).after.mean()
        name = f"{title}: group `{group}`, squared distance left"
        baseline = f"weight matching {theirs:.4g}"
        rows.append(Row(name, left, f"of {before:.4g}", baseline, left / theirs, target))
    return rows
