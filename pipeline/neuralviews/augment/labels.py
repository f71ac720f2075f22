"""Softer labels of unchanged fields."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .settings import check_number

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["LabelSmoothing"]


@dataclass(frozen=True)
class LabelSmoothing(Augmentation):
    """Take a share of the label and spread it evenly over all classes, the label's own included.

    Args:
        epsilon: the share taken.
    """

    epsilon: float = 0.1

    name = "label_smoothing"
    exact = True
    label_rule = "smooth"
    summary = "spread a share of the label over all classes"
    source = (
        "Szegedy et al., Rethinking the Inception Architecture for Computer Vision (CVPR 2016), section 7"
    )

    def __post_init__(self) -> None:
        check_number(self, "epsilon", 0, 1)

    def require(self, context: Context) -> None:
        if not context.classes:
            raise SpecError("label_smoothing: these fields have no labels; leave the step out")

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return ()

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return np.zeros((len(batch), 0), np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        return replace(batch, labels=batch.labels.scaled(1 - self.epsilon))
