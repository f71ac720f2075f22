"""MixUp: a weighted mean of the weights of two fields, as they are or brought next to each other first."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SpecError
from ..symmetry.group import GROUP_PARTS, Element, Group
from .base import Augmentation, Parameter, PartnerRule
from .batch import Batch, Context, SoftLabels
from .lam import Law, check_law, draw_lam, mix
from .settings import check_choice, check_flag
from .target import Target

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["AlignedMixUp", "MixUp"]


@dataclass(frozen=True)
class _Mixing(Augmentation):
    """``lam a + (1 - lam) b'``, where b' is the second parent as `_brought` to the first.

    Args:
        law, beta: how lam is drawn: from Beta(beta, beta) for law beta, or uniformly.
        labels: ``"soft"`` mixes labels like the fields; ``"hard"`` takes the class of the larger share,
            the first parent's if they are equal: of a soft or smoothed label, its largest class alone.
        partner: whom a field is mixed with.
    """

    law: Law = "beta"
    beta: float = 0.3
    labels: Literal["soft", "hard"] = "soft"
    partner: PartnerRule = "any"

    exact = False
    label_rule = "mix"

    def __post_init__(self) -> None:
        check_law(self)
        check_choice(self, "labels", ("soft", "hard"))
        check_choice(self, "partner", ("any", "class"))

    def require(self, context: Context) -> None:
        if self.partner == "class" and context.classes == 0:
            raise SpecError(
                f"{self.name}: found fields without labels, expected some for partner = 'class'; "
                "use partner = 'any'"
            )

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return (Parameter("lam"),)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return draw_lam(draws.child(0), self.law, self.beta)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        if batch.partner is None:
            raise OptionError(f"{self.name}: found a batch without partner, expected a second parent a row")
        lam = params[:, 0]
        brought = self._brought(batch, batch.partner.weights, params)
        labels = self._mixed_labels(batch.labels, batch.partner.labels, lam)
        return replace(batch, weights=mix(batch.weights, brought, lam), labels=labels)

    def expect(self, target: Target, params: NDArray[np.float32], context: Context) -> Target:
        other = Target.of_parent(len(params), context.spec.in_dim, context.spec.out_dim, side=1)
        return target.mixed(params[:, 0].astype(np.float64), other)

    @abstractmethod
    def _brought(
        self, batch: Batch, partner: NDArray[np.float32], params: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Fields that are the same functions as ``partner``, (n, P), in a new array if others."""

    def _mixed_labels(self, a: SoftLabels, b: SoftLabels, lam: NDArray[np.float32]) -> SoftLabels:
        if self.labels == "hard":
            return SoftLabels.of(np.where(lam >= 0.5, a.hard(), b.hard()))
        return a.scaled(lam).joined(b.scaled(1 - lam))


@dataclass(frozen=True)
class MixUp(_Mixing):
    """A weighted mean of two fields; as fits of their own do not share units, it renders no mixed image.

    Args:
        permute: first permute the second parent's units at random: a field that renders the same, but
            whose mean with the first parent is another one each time.
    """

    permute: bool = False

    name = "mixup"
    summary = "mean of two fields, weighted by lam"
    source = (
        'Shamsian et al., "Improved Generalization of Weight Space Networks via Augmentations" (ICML 2024): '
        "MixUp, with permute its random permutation, with labels hard its mixing of weights alone; "
        "there lam is uniform"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self, "permute")

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        units = sum(context.spec.dims[1:-1])
        permuted = (Parameter("perm", units),) if self.permute else ()
        return (*super().parameters(context), *permuted)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        lam = super().sample(batch, draws)
        if not self.permute:
            return lam
        perm = Element.random(batch.spec, draws.child(1), "perm").perm
        return np.concatenate((lam, perm.astype(np.float32)), axis=1)

    def _brought(
        self, batch: Batch, partner: NDArray[np.float32], params: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        if not self.permute:
            return partner
        element = replace(Element.identity(batch.spec, len(batch)), perm=params[:, 1:].astype(np.int32))
        moved: NDArray[np.float32] = element.apply(partner)
        return moved


@dataclass(frozen=True)
class AlignedMixUp(_Mixing):
    """A weighted mean of two fields, the second brought next to the first by the symmetries of a SIREN.

    Args:
        group: which symmetries alignment may use.
    """

    group: Group = "phase"

    name = "aligned_mixup"
    summary = "mean of two fields, the second aligned to the first"
    source = (
        'Shamsian et al., "Improved Generalization of Weight Space Networks via Augmentations" (ICML 2024), '
        'with the weight matching of Ainsworth et al., "Git Re-Basin" (ICLR 2023), section 3.2 (group perm); '
        "groups sign and phase: this project"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "group", tuple(GROUP_PARTS))

    def _brought(
        self, batch: Batch, partner: NDArray[np.float32], params: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        from ..symmetry.align import align_weights  # needs numba

        return align_weights(batch.spec, batch.weights, partner, group=self.group).weights
