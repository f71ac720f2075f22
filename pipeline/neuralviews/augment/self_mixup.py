"""MixUp of a field with an augmented copy of itself."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..symmetry.group import GROUP_PARTS, Group
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .compose import Compose
from .lam import Law, check_law, draw_lam, mix
from .settings import check_choice
from .target import Target

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["SelfMixUp"]


@dataclass(frozen=True)
class SelfMixUp(Augmentation):
    """``lam a + (1 - lam) a'``, where a' is the field a after ``steps``, aligned back to it; the label stays.

    Args:
        steps: what makes the copy: augmentations that keep the label and need neither partner nor target.
        group: which symmetries alignment may use.
        law, beta: how lam is drawn: from Beta(beta, beta), or uniformly.
    """

    steps: tuple[Augmentation, ...]
    group: Group = "phase"
    law: Law = "beta"
    beta: float = 0.3

    name = "self_mixup"
    exact = False
    summary = "mean of a field and an augmented copy of it, aligned to it"
    source = (
        'Shamsian et al., "Improved Generalization of Weight Space Networks via Augmentations" (ICML 2024); '
        "the field's own label, groups sign and phase: this project"
    )

    def __post_init__(self) -> None:
        check_law(self)
        check_choice(self, "group", tuple(GROUP_PARTS))
        try:
            steps = Compose(self.steps).steps
        except OptionError as error:
            raise OptionError(f"SelfMixUp: steps: {error}") from None
        object.__setattr__(self, "steps", steps)  # a list would not be hashable
        for step in steps:
            if step.partner or step.needs_target or step.label_rule != "keep":
                raise OptionError(
                    f"SelfMixUp: steps: found {step.name}, expected steps that keep the label and need "
                    "neither a partner nor a target"
                )

    @cached_property
    def _copying(self) -> Compose:
        return Compose(self.steps)

    def require(self, context: Context) -> None:
        self._copying.require(context)

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (*self._copying.parameters(context), Parameter("lam"))

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        _, params = self._copying.run(replace(batch, target=None), draws.child(0))
        return np.concatenate((params, draw_lam(draws.child(1), self.law, self.beta)), axis=1)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        from ..symmetry.align import align_weights  # needs numba

        copy = self._copying.replay(replace(batch, target=None), params[:, :-1]).weights
        aligned = align_weights(batch.spec, batch.weights, copy, group=self.group).weights
        return replace(batch, weights=mix(batch.weights, aligned, params[:, -1]))

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        copy = self._copying.expect(target, params[:, :-1], context)
        return target.mixed(params[:, -1].astype(np.float64), copy)
