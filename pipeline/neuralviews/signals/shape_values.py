"""What a field of a shape gives, in the units of its recipe, and what that means as a distance."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..portable import exp, log
from ..recipe import Recipe
from .samples import ShapeTarget

__all__ = ["ShapeValues"]

Floats = NDArray[np.float32]

_NEARLY = 1e-6
"""Targets of 0 and 1 have no finite logit: these stand for them."""


@dataclass(frozen=True)
class ShapeValues:
    """The map between signed distances and targets, and between outputs of a field and what it gives.

    Args:
        target: what the recipe asks for. Objects that fall back to unsigned distances keep the map of
            the recipe, so that 0 is the surface in all of its fields.
        truncation: the distance at which targets are cut.
        low, high: of the target range.
        logits: whether fields give the sigmoid of their output.
    """

    target: ShapeTarget
    truncation: float
    low: float
    high: float
    logits: bool

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """The map of a recipe that has a table ``shape``."""
        assert recipe.shape is not None
        low, high = recipe.target.range
        target = ShapeTarget[recipe.shape.target]
        return cls(target, recipe.shape.truncation, low, high, recipe.fit.loss == "bce")

    def of_distance(self, distance: Floats) -> Floats:
        """Targets (...) of signed distances, negative inside; worked out in float64 and rounded once."""
        at = distance.astype(np.float64)
        if self.target is ShapeTarget.occupancy:
            share = np.where(at < 0, 1.0, 0.0)
        elif self.target is ShapeTarget.udf:
            share = np.minimum(at, self.truncation) / self.truncation
        else:
            share = (np.clip(at, -self.truncation, self.truncation) + self.truncation) / (2 * self.truncation)
        targets: Floats = (self.low + (self.high - self.low) * share).astype(np.float32)
        return targets

    def given(self, outputs: Floats) -> NDArray[np.float64]:
        """What fields give where their outputs are these: the outputs, or the sigmoid of logits."""
        values = outputs.astype(np.float64)
        return 1 / (1 + exp(np.clip(-values, -500.0, 500.0))) if self.logits else values

    def to_distance(self, outputs: Floats) -> NDArray[np.float64]:
        """Distances that outputs (...) stand for, cut at the truncation; of occupancy its share, 0 to 1."""
        share = np.clip((self.given(outputs) - self.low) / (self.high - self.low), 0.0, 1.0)
        if self.target is ShapeTarget.sdf:
            return (2 * share - 1) * self.truncation
        return share * self.truncation if self.target is ShapeTarget.udf else share

    def output_at(self, distance: float) -> float:
        """The output where a field's target is that of ``distance``; of occupancy always the middle."""
        if self.target is ShapeTarget.occupancy:
            value = (self.low + self.high) / 2
        else:
            value = float(self.of_distance(np.array([distance], np.float32))[0])
        if not self.logits:
            return value
        value = min(max(value, _NEARLY), 1 - _NEARLY)
        return float(log(np.array([value / (1 - value)]))[0])

    def inside(self, outputs: Floats) -> NDArray[np.bool_]:
        """Where a field sees the inside, by its outputs (...); nowhere if it knows unsigned distances."""
        if self.target is ShapeTarget.udf:
            return np.zeros(outputs.shape, np.bool_)
        level = np.float32(self.output_at(0.0))
        return outputs > level if self.target is ShapeTarget.occupancy else outputs < level
