"""What inexact operations leave of real fields: PSNR of copies against what they should render."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralviews.augment import (
    Augmentation,
    Compose,
    Dropout,
    GaussianNoise,
    Masking,
    MultiplicativeNoise,
    QuantileMasking,
    RandomSymmetry,
)
from neuralviews.augment.measure import measure as measure_fields
from neuralviews.augment.measure import render_target
from neuralviews.augment.supply import Supply
from neuralviews.draws import Draws, row_seeds
from neuralviews.grids import image_grid

from .real_fields import RealFields

__all__ = ["STEPS", "Left", "measure"]

STEPS: dict[str, Augmentation] = {
    "random_symmetry, exact but for rounding": RandomSymmetry(),
    "gaussian_noise, scale 0.32, as published": GaussianNoise(0.32),
    "gaussian_noise, scale 0.02": GaussianNoise(0.02),
    "multiplicative_noise, sigma 0.02": MultiplicativeNoise(0.02),
    "dropout, p 0.1, as published": Dropout(0.1),
    "masking, p 0.1": Masking(0.1),
    "quantile_masking, high 0.1, as published": QuantileMasking(0.1),
}


@dataclass(frozen=True)
class Left:
    """Median and 5th percentile of the PSNRs, dB, of one store's fields after one operation."""

    fields: RealFields
    step: str
    median: float
    low: float


def measure(sets: Sequence[RealFields]) -> list[Left]:
    """Every operation on every store."""
    return [_left(fields, name, step) for name, step in STEPS.items() for fields in sets]


def _left(fields: RealFields, name: str, step: Augmentation) -> Left:
    rows = np.arange(len(fields.store))
    batch = Supply(fields.store, rows).batch(rows)
    copies, _ = Compose(step).run(batch, Draws(row_seeds(0, rows)), track=True)
    assert copies.target is not None
    assert batch.context.image_shape is not None
    points = image_grid(*batch.context.image_shape, batch.spec.axis_order)
    wanted = render_target(batch.spec, copies.target, batch.weights, None, points)
    psnr = measure_fields(batch.spec, copies.weights, points, wanted, batch.context.span).psnr
    return Left(fields, name, float(np.median(psnr)), float(np.percentile(psnr, 5)))
