"""All fields brought next to one reference: out of their symmetric copies, the nearest to it."""

import base64
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SpecError
from ..symmetry.group import GROUP_PARTS, Group, Part
from .batch import Batch, Context
from .settings import check_choice
from .symmetry import ActByElement

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["AlignTo"]


@dataclass(frozen=True)
class AlignTo(ActByElement):
    """Bring every field next to a reference by a symmetry; nothing is drawn.

    In Python, ``AlignTo.of(weights)`` makes it from an array.

    Args:
        reference: the weights (P,) of the reference as float32, little-endian, in base64, so that a plan
            can hold them. They do not tell dims or omega, so only their number is
            checked; next to a field of another kind copies stay exact, but need not come nearer each other.
        group: which symmetries may be used.
    """

    reference: str = field(repr=False)
    group: Group = "phase"

    name = "align_to"
    summary = "bring fields next to a reference by a symmetry"
    source = (
        'the weight matching of Ainsworth et al., "Git Re-Basin" (ICLR 2023), section 3.2 (group perm); '
        "groups sign and phase: this project"
    )

    def __post_init__(self) -> None:
        check_choice(self, "group", tuple(GROUP_PARTS))
        if not np.isfinite(self.weights).all():
            raise OptionError("AlignTo: reference: found a weight that is not finite, expected finite ones")

    @classmethod
    def of(cls, weights: NDArray[np.float32], group: Group = "phase") -> Self:
        """Align to the field with these weights (P,).

        Raises:
            OptionError: no array of one field's weights.
        """
        if not isinstance(weights, np.ndarray) or weights.ndim != 1:
            found = weights.shape if isinstance(weights, np.ndarray) else type(weights).__name__
            raise OptionError(f"AlignTo.of: found {found}, expected the weights of one field, an array (P,)")
        return cls(base64.b64encode(weights.astype("<f4").tobytes()).decode(), group)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Of the reference, (P,)."""
        try:
            return np.frombuffer(base64.b64decode(self.reference, validate=True), "<f4").astype(np.float32)
        except (TypeError, ValueError):
            raise OptionError(
                f"AlignTo: reference: found {type(self.reference).__name__}, expected the float32 weights of "
                "a field as text in base64; AlignTo.of(weights) makes the augmentation from an array"
            ) from None

    def require(self, context: Context) -> None:
        if len(self.weights) != context.spec.parameters:
            raise SpecError(
                f"align_to: the reference has {len(self.weights)} weights, these fields have "
                f"{context.spec.parameters}; take a reference of dims {list(context.spec.dims)}"
            )

    def parts(self) -> tuple[Part, ...]:
        return GROUP_PARTS[self.group]

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        from ..symmetry.align import align_weights  # needs numba

        return self.encode(align_weights(batch.spec, self.weights, batch.weights, group=self.group).element)
