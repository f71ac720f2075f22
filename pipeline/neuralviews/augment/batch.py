"""What augmentations hand each other: fields on their way, their soft labels, and where they came from."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from ..records import NO_LABEL
from .target import Target, matrix_product

__all__ = ["Batch", "Channels", "Context", "SoftLabels"]


@dataclass(frozen=True)
class Channels:
    """Channels that were normalised: outputs are ``(v - mean) / std`` of values v.

    Args:
        mean, std: a number each channel.
        low, span: lower end and width of the range of the values.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: float
    span: float

    @property
    def middle(self) -> float:
        """Of the range of the values."""
        return self.low + self.span / 2

    def outputs(
        self, gain: NDArray[np.float64], offset: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The map of outputs that is ``gain @ v + offset`` of values: (n, c, c) and (n, c), as given."""
        mean, std = np.array(self.mean), np.array(self.std)
        moved = matrix_product(gain - np.eye(len(mean)), mean[None, :, None])[:, :, 0]
        return gain * std / std[:, None], (moved + offset) / std


@dataclass(frozen=True)
class Context:
    """What is known of all fields of a store.

    Args:
        spec: their shape and conventions.
        span: width of the target range, the peak of a PSNR.
        image_shape: (height, width) of the images they were fitted to; None for other signals, or if
            images differ.
        classes: how many classes there are; 0 without labels.
        low: lower end of the target range.
        zero: the output that stands for a distance of 0; None if the outputs are known to be no distances.
        channels: how channels were normalised, if they were; ``low`` and ``span`` are of all together then.
    """

    spec: FieldSpec
    span: float
    image_shape: tuple[int, int] | None
    classes: int
    low: float = 0.0
    zero: float | None = 0.0
    channels: Channels | None = None

    @property
    def middle(self) -> float:
        """Of the target range."""
        return self.low + self.span / 2


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """Labels as shares of classes.

    Args:
        classes: (n, m) int32, each class in one slot of a row at most, -1 in slots that are not used.
        shares: (n, m) float32, 0 in these. What the shares of a labelled row lack to 1 is spread evenly
            over all classes: a share taken by smoothing, or that of a second parent without a label.
    """

    classes: NDArray[np.int32]
    shares: NDArray[np.float32]

    @classmethod
    def of(cls, label: NDArray[np.integer[Any]]) -> Self:
        """One class each, (n,); -1 means none."""
        classes = label.astype(np.int32)[:, None]
        return cls(classes, (classes != NO_LABEL).astype(np.float32))

    def __len__(self) -> int:
        return len(self.classes)

    def hard(self) -> NDArray[np.int32]:
        """The class with the largest share, the first of equal ones, (n,) int32; -1 without any."""
        largest: NDArray[np.int32] = self.classes[np.arange(len(self)), self.shares.argmax(axis=1)]
        return largest

    def scaled(self, factor: NDArray[np.float32] | float) -> Self:
        """Every share times a factor, (n,) or a number."""
        factor = np.broadcast_to(np.asarray(factor, np.float32), len(self))
        return replace(self, shares=self.shares * factor[:, None])

    def joined(self, other: "SoftLabels") -> Self:
        """The shares of both: classes of this one, then those the other has alone; no wider than used."""
        classes = np.concatenate((self.classes, other.classes), axis=1)
        shares = np.concatenate((self.shares, other.shares), axis=1)
        own = self.classes.shape[1]
        for slot in range(own, classes.shape[1]):
            named = classes[:, slot, None]
            rows, first = np.nonzero((classes[:, :own] == named) & (named != NO_LABEL))
            shares[rows, first] += shares[rows, slot]
            classes[rows, slot], shares[rows, slot] = NO_LABEL, 0
        unused = classes == NO_LABEL
        width = int((~unused).sum(axis=1).max(initial=1))
        order = np.argsort(unused, axis=1, kind="stable")[:, :width]
        return replace(
            self,
            classes=np.take_along_axis(classes, order, axis=1),
            shares=np.take_along_axis(shares, order, axis=1),
        )

    def padded(self, slots: int) -> Self:
        """The same with unused slots added, up to ``slots`` in all."""
        empty = ((0, 0), (0, slots - self.classes.shape[1]))
        return replace(
            self,
            classes=np.pad(self.classes, empty, constant_values=NO_LABEL),
            shares=np.pad(self.shares, empty),
        )

    def dense(self, classes: int) -> NDArray[np.float32]:
        """Shares of every class, (n, classes) float32; rows without a label are all 0."""
        labelled = (self.classes != NO_LABEL).any(axis=1)
        total = np.zeros(len(self), np.float32)
        for slot in range(self.shares.shape[1]):
            total += self.shares[:, slot]
        rest = np.where(labelled, np.maximum(1 - total, 0) / max(classes, 1), 0).astype(np.float32)
        dense = np.repeat(rest[:, None], classes, axis=1)
        for slot in range(self.shares.shape[1]):
            used = np.flatnonzero(self.classes[:, slot] != NO_LABEL)
            dense[used, self.classes[used, slot]] += self.shares[used, slot]
        return dense


@dataclass(frozen=True, eq=False)
class Batch:
    """Fields on their way through a pipeline; every step makes a new one and leaves the old as it was.

    Args:
        context: what is known of all of them.
        weights: (n, P) float32.
        labels: of the fields as they are now.
        source: (n, P) float32, the parents' weights as they were before the first step.
        partner: the second parents, n fields of the same spec, untouched; None unless the pipeline mixes.
        target: what the fields should render by now; None if nobody asked.
        psnr_before: (n,) float32 dB before a repair; None without one.
        refit_steps: (n,) uint32 steps of a repair; None without one.
    """

    context: Context
    weights: NDArray[np.float32]
    labels: SoftLabels
    source: NDArray[np.float32]
    partner: "Batch | None" = None
    target: Target | None = None
    psnr_before: NDArray[np.float32] | None = None
    refit_steps: NDArray[np.uint32] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.labels), self.spec.parameters)
        for name, weights in (("weights", self.weights), ("source", self.source)):
            if weights.dtype != np.float32 or weights.shape != shape:
                raise SpecError(f"{name}: found {weights.dtype} {weights.shape}, expected float32 {shape}")
        if self.partner is not None and (len(self.partner) != len(self) or self.partner.spec != self.spec):
            raise SpecError(
                f"partner: found {len(self.partner)} fields of {self.partner.spec}, "
                f"expected {len(self)} of {self.spec}"
            )
        if self.target is not None and len(self.target) != len(self):
            raise SpecError(f"target: found that of {len(self.target)} fields, expected {len(self)}")

    @classmethod
    def of(cls, context: Context, weights: NDArray[np.float32], labels: SoftLabels) -> Self:
        """Fields as they are in their store."""
        return cls(context, weights, labels, weights)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def spec(self) -> FieldSpec:
        return self.context.spec
