"""The interface of augmentations: parameters are drawn first, then applied, so any copy can be made again."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .batch import Batch, Context
from .target import Target

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["Augmentation", "LabelRule", "Parameter", "PartnerRule", "column_count"]

LabelRule = Literal["keep", "smooth", "mix"]
"""What becomes of the label: it is kept, smoothed, or mixed like the fields."""

PartnerRule = Literal["any", "class"]
"""Whom a field is mixed with: any other record of its split and of the active views, or one of its class."""


@dataclass(frozen=True)
class Parameter:
    """A name for ``count`` columns of the parameters of an augmentation."""

    name: str
    count: int = 1


def column_count(parameters: tuple[Parameter, ...]) -> int:
    """How many columns these take."""
    return sum(parameter.count for parameter in parameters)


class Augmentation(ABC):
    """One augmentation with its settings; a frozen dataclass whose fields are what a plan may state.

    `sample` draws the parameters of each field, and `apply` follows from them alone: it is pure, never
    writes into its input, and gives the same bytes on every machine and in any batch.

    Attributes:
        name: what a plan calls it.
        version: raised whenever the same parameters would give other bytes than before; see `version_for`.
        exact: whether the copy is, as a function, exactly what `expect` says.
        label_rule: what becomes of the label.
        summary: one line for the table of augmentations.
        source: where the method comes from.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    exact: ClassVar[bool]
    label_rule: ClassVar[LabelRule] = "keep"
    summary: ClassVar[str]
    source: ClassVar[str]

    def version_for(self, context: Context) -> int:
        """The version for such fields: a higher one where theirs alone come out otherwise than before."""
        del context
        return self.version

    @property
    def partner(self) -> PartnerRule | None:
        """Whom it mixes a field with; None if it needs no second parent."""
        return None

    @property
    def needs_target(self) -> bool:
        """Whether `apply` must know what the fields should render."""
        return False

    def require(self, context: Context) -> None:
        """Raise SpecError, naming what to use instead, if such fields cannot be augmented like this."""
        del context

    @abstractmethod
    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        """Names of the columns of the parameters, in order."""

    @abstractmethod
    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        """Draw the parameters of each field, (n, columns) float32, from its own stream of ``draws``."""

    @abstractmethod
    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        """The augmented batch: fields and labels. Targets are the business of `expect`."""

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        """What the copies should render, given what the fields before should; the same unless overridden."""
        return target
