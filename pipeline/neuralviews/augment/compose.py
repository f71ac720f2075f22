"""Augmentations one after another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..vector.subnormals import require_subnormals
from .base import Augmentation, Parameter, PartnerRule, column_count
from .batch import Batch, Context
from .target import Target

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["Compose"]


@dataclass(frozen=True, init=False)
class Compose:
    """Steps that run in order; at most one of them mixes with a second field.

    Raises:
        OptionError: a step is no augmentation, there is none, or two of them mix.
    """

    steps: tuple[Augmentation, ...]

    def __init__(self, steps: "Sequence[Augmentation] | Augmentation | Compose") -> None:
        if isinstance(steps, Augmentation | Compose):
            steps = steps.steps if isinstance(steps, Compose) else (steps,)
        if not isinstance(steps, Iterable):
            raise OptionError(f"Compose: found {steps!r}, expected augmentations such as [SignFlip()]")
        object.__setattr__(self, "steps", tuple(steps))
        for step in self.steps:
            if not isinstance(step, Augmentation):
                raise OptionError(f"Compose: found {step!r}, expected an augmentation such as SignFlip()")
        mixing = [step.name for step in self.steps if step.partner]
        if not self.steps or len(mixing) > 1:
            found = " and ".join(mixing) if mixing else "no step"
            raise OptionError(
                f"Compose: found {found}, expected one or more steps, at most one of which mixes"
            )

    @property
    def partner(self) -> PartnerRule | None:
        """Whom the step that mixes takes as second parent; None without one."""
        return next((step.partner for step in self.steps if step.partner), None)

    def require(self, context: Context) -> None:
        """Raise SpecError if a step cannot augment such fields."""
        for step in self.steps:
            step.require(context)

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        """Columns of all steps, in order, each name behind that of its step."""
        return tuple(
            Parameter(f"{step.name}.{parameter.name}", parameter.count)
            for step in self.steps
            for parameter in step.parameters(context)
        )

    def run(self, batch: Batch, draws: "Draws", *, track: bool = False) -> tuple[Batch, NDArray[np.float32]]:
        """Draw and apply every step.

        Args:
            batch: fields as they are in their store, or that were augmented before.
            draws: one stream a field.
            track: also work out what the copies should render, in ``target``; always done if the batch
                has a target.
        Returns:
            The augmented batch, and the parameters (n, columns) float32 of all steps.
        Raises:
            OptionError: fewer or more streams than fields, or a target is needed of fields that were
                augmented without one.
            SpecError: a step cannot augment such fields.
            EngineError: this thread flushes subnormal numbers to zero.
        """
        if len(draws) != len(batch):
            raise OptionError(
                f"Compose: found {len(draws)} streams for {len(batch)} fields, expected one a field"
            )
        batch, drawn = self._begin(batch, track), []
        for index, step in enumerate(self.steps):
            params = step.sample(batch, draws.child(index))
            batch = _apply(step, batch, params)
            drawn.append(params)
        return batch, np.concatenate(drawn, axis=1)

    def replay(self, batch: Batch, params: NDArray[np.float32], *, track: bool = False) -> Batch:
        """Apply every step with parameters that `run` returned: the same bytes again.

        Raises:
            OptionError: parameters of another shape or type, and as `run`.
            SpecError, EngineError: as `run`.
        """
        batch = self._begin(batch, track)
        for step, part in zip(self.steps, self._cut(params, len(batch), batch.context), strict=True):
            batch = _apply(step, batch, part)
        return batch

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        """What the copies should render, given what the fields before the first step should.

        Raises:
            OptionError: parameters of another shape or type than those that `run` returned.
        """
        for step, part in zip(self.steps, self._cut(params, len(target), context), strict=True):
            target = step.expect(target, part, context)
        return target

    def _begin(self, batch: Batch, track: bool) -> Batch:
        require_subnormals("augment", "")
        self.require(batch.context)
        if batch.target is not None or not (track or any(step.needs_target for step in self.steps)):
            return batch
        if batch.weights is not batch.source:
            raise OptionError(
                "Compose: found fields that were augmented without a target, expected fields as they are "
                "in their store; run the steps before with track = True"
            )
        return replace(batch, target=Target.of_parent(len(batch), batch.spec.in_dim, batch.spec.out_dim))

    def _cut(self, params: NDArray[np.float32], rows: int, context: Context) -> list[NDArray[np.float32]]:
        """The parameters of each step."""
        stops = np.cumsum([column_count(step.parameters(context)) for step in self.steps]).tolist()
        if params.dtype != np.float32 or params.shape != (rows, stops[-1]):
            raise OptionError(
                f"Compose: found parameters {params.dtype} {params.shape}, "
                f"expected float32 {(rows, stops[-1])}"
            )
        return np.split(params, stops[:-1], axis=1)


def _apply(step: Augmentation, batch: Batch, params: NDArray[np.float32]) -> Batch:
    applied = step.apply(batch, params)
    if batch.target is None:
        return applied
    return replace(applied, target=step.expect(batch.target, params, batch.context))
