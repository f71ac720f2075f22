"""Repair: a few steps of fitting, after which a mixed field renders what its label says."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SpecError
from ..fit.engine import Budget, Signals
from ..fit.registry import get_engine
from ..grids import image_grid
from ..records import Status
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .measure import measure, render_target
from .probes import PROBES, probe_points
from .settings import check_integer, check_number

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["Repair"]

POINTS = 1024
"""At how many points other signals than images are fitted again, none of them a probe."""


@dataclass(frozen=True)
class Repair(Augmentation):
    """Fit every field again, from the weights it has, to what it should render by now.

    The signal is that of the parents' fields, not of the objects they were fitted to: the mixed image of
    a MixUp. It is sampled at the pixels, or for other signals at 1024 points, none of which the errors of
    copies are measured at. The best weights seen there are kept.

    Args:
        steps: updates of full-batch Adam on the mean square error.
        lr: its learning rate.
    """

    steps: int = 100
    lr: float = 5e-4

    name = "repair"
    exact = False
    summary = "steps of Adam towards what the field should render; follows a mixup"
    source = "this project"

    def __post_init__(self) -> None:
        check_integer(self, "steps", 1, 1_000_000)
        check_number(self, "lr", 1e-8, 1)

    @property
    def needs_target(self) -> bool:
        return True

    def require(self, context: Context) -> None:
        if context.spec.output_scale != 1:
            raise SpecError(
                f"repair: found output_scale {context.spec.output_scale}, expected 1, with which alone "
                "fields can be fitted again; leave this step out"
            )

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return ()

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return np.empty((len(batch), 0), np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        context, budget = batch.context, Budget(self.steps, self.lr, keep_best=True)
        coords = _fit_points(context)
        signals = Signals(coords, _wanted(batch, coords), context.span)
        engine = get_engine("cpu", context.spec, budget)
        fitted = engine.fit(context.spec, signals, batch.weights, budget)
        probes = probe_points(context.spec, context.image_shape)
        before = measure(context.spec, batch.weights, probes, _wanted(batch, probes), context.span)
        kept = fitted.status == Status.diverged  # the weights are then those before the fit
        return replace(
            batch,
            weights=fitted.weights,
            psnr_before=before.psnr,
            refit_steps=np.where(kept, np.uint32(0), fitted.steps),
        )


def _fit_points(context: Context) -> NDArray[np.float32]:
    if context.image_shape is None or context.spec.in_dim != 2:
        return probe_points(context.spec, None, PROBES + POINTS)[PROBES:]
    return image_grid(*context.image_shape, context.spec.axis_order)


def _wanted(batch: Batch, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the fields should render at ``points``, (n, p, c)."""
    if batch.target is None:
        raise OptionError("repair: found a batch without target, expected one tracked by Compose")
    partner = None if batch.partner is None else batch.partner.weights
    return render_target(batch.spec, batch.target, batch.source, partner, points)
