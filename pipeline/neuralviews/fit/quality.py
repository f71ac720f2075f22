"""How well fields render their shapes, beyond the loss that they were fitted by."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..field_values import field_values
from ..mesh.compare import iou
from ..recipe import Recipe
from ..records import NO_IOU, ShapeTarget
from ..signals.samples import ShapeSamples, cell_centres
from ..signals.shape_values import ShapeValues

__all__ = ["Columns", "shape_columns"]

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]


def shape_columns(recipe: Recipe, weights: Floats, samples: ShapeSamples) -> Columns:
    """The columns `records.SHAPE_COLUMNS` of fields of one shape.

    Args:
        weights: (n, P) float32.
    """
    facts, count = samples.facts, len(weights)
    return {
        "iou": _ious(recipe, weights, samples),
        "surface_error": _surface_errors(recipe, weights, samples),
        "sign_disagreement": np.full(count, facts.disagreement, np.float32),
        "target": np.full(count, facts.target, np.uint8),
        "repairs": np.tile(np.array(facts.repairs, np.uint32), (count, 1)),
    }


def _outputs(recipe: Recipe, weights: Floats, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """What fields put out at points (p, 3): (n, p) float32, the same bytes on every machine."""
    return field_values(recipe.spec, weights, points[None])[..., 0]


def _ious(recipe: Recipe, weights: Floats, samples: ShapeSamples) -> NDArray[np.float32]:
    """(n,) volumetric intersection over union at the centres of the grid's cells.

    A shape without any inside there has none: a field that sees none either would be praised for nothing.
    """
    if not samples.occupancy.any():
        return np.full(len(weights), NO_IOU, np.float32)
    outputs, truth = _outputs(recipe, weights, cell_centres()), samples.occupancy.ravel()
    found = ShapeValues.of(recipe).inside(outputs)
    return np.array([iou(row, truth) for row in found], np.float32)


def _surface_errors(recipe: Recipe, weights: Floats, samples: ShapeSamples) -> NDArray[np.float32]:
    """(n,) mean absolute errors of what fields give near the surface; see `ShapeValues.to_distance`."""
    values = ShapeValues.of(recipe)
    if values.target is ShapeTarget.occupancy:
        truth = np.where(samples.check_distance < 0, 1.0, 0.0)
    else:
        truth = np.clip(samples.check_distance.astype(np.float64), -values.truncation, values.truncation)
    found = values.to_distance(_outputs(recipe, weights, samples.check_points))
    return np.array([math.fsum(abs(row - truth)) / len(truth) for row in found], np.float32)
