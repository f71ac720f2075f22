"""What the mean of two real fields renders, by how the second was brought next to the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from neuralviews.augment import Compose, MixUp, Repair
from neuralviews.augment.batch import Batch
from neuralviews.augment.context import context_of
from neuralviews.augment.measure import measure as measure_fields
from neuralviews.augment.measure import render_target
from neuralviews.fit.engine import psnr_from_loss
from neuralviews.grids import image_grid
from neuralviews.symmetry.align import align_weights
from neuralviews.symmetry.reference import mean_reference

from .bench_align import GROUPS, paired, published, squared_distances
from .real_fields import VIEWS, RealFields
from .rows import Row

__all__ = ["SHARES", "Midpoints", "measure", "rows"]

Floats = NDArray[np.float32]
SHARES = (0.1, 0.25, 0.5)
REPAIR_STEPS = 100


@dataclass(frozen=True)
class Midpoints:
    """Pairs of one store, the second brought next to the first in one way.

    Attributes:
        pairs: ``"views"`` of one object, or of different ``"objects"``.
        way: ``"none"``, ``"weight matching"``, a group, ``"reference"`` or ``"constant"``.
        distance: mean squared distance left; None for ``"constant"``.
        psnr: medians in dB of the mean by share of the second field, against the mean of both images.
        repaired: the same at half and half, after `Repair`; None where it was not tried.
    """

    fields: RealFields
    pairs: str
    way: str
    distance: float | None
    psnr: tuple[float, ...]
    repaired: float | None


def measure(sets: Sequence[RealFields]) -> list[Midpoints]:
    """Every way for every store, for both kinds of pairs; of a shared init, only for pairs that share it."""
    found = []
    for fields in sets:
        first = np.arange(0, len(fields.store), VIEWS)
        if not fields.init.shared:
            found += _Pairs(fields, "views", first, first + 1).midpoints()
        found += _Pairs(fields, "objects", first, np.roll(first, -1)).midpoints()
    return found


def rows(found: Sequence[Midpoints]) -> list[Row]:
    """What is wanted of distances: those of the whole group beside those of permutations."""
    distances = {(m.fields.title, m.pairs, m.way): m.distance for m in found}
    listed = []
    for fields in {m.fields.title: m.fields for m in found if m.pairs == "views"}.values():
        perm, phase = (cast(float, distances[fields.title, "views", group]) for group in ("perm", "phase"))
        name = f"{fields.title}: squared distance of two views, group `phase`; ratio: smaller than `perm`"
        target = "at least 4x" if fields.init.scheme == "siren" else ""
        listed.append(Row(name, phase, "", f"`perm` {perm:.4g}", perm / phase, target))
    return listed


class _Pairs:
    """Pairs of records of one store, as a batch that mixes can start from."""

    def __init__(
        self, fields: RealFields, pairs: str, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> None:
        self.fields, self.pairs = fields, pairs
        self.a, self.b = fields.store.weights(first), fields.store.weights(second)
        self.context = context_of(fields.store)
        assert self.context.image_shape is not None
        self.points = image_grid(*self.context.image_shape, self.context.spec.axis_order)

    def midpoints(self) -> list[Midpoints]:
        spec = self.context.spec
        found = [
            self._way("none", self.a, self.b, repair=True),
            self._way("weight matching", self.a, published(spec, self.a, self.b)),
        ]
        for group in GROUPS:
            brought = align_weights(spec, self.a, self.b, group=group).weights
            found.append(self._way(group, self.a, brought, repair=True))
        every = self.fields.store.weights(np.arange(len(self.fields.store)))
        reference = mean_reference(spec, lambda: [every]).weights
        found.append(
            self._way("reference", *(align_weights(spec, reference, x).weights for x in (self.a, self.b)))
        )
        return [*found, self._constant()]

    def _way(self, way: str, a: Floats, b: Floats, *, repair: bool = False) -> Midpoints:
        batch = paired(self.context, a, b)
        psnr = tuple(self._psnr(Compose(MixUp()), batch, share) for share in SHARES)
        repaired = self._psnr(Compose((MixUp(), Repair(REPAIR_STEPS))), batch, 0.5) if repair else None
        distance = float(squared_distances(a, b).mean())
        return Midpoints(self.fields, self.pairs, way, distance, psnr, repaired)

    def _psnr(self, steps: Compose, batch: Batch, share: float) -> float:
        """Median over pairs, where the second field has this share."""
        copies = steps.replay(batch, _params(batch, share))
        wanted = self._wanted(batch, share)
        found = measure_fields(batch.spec, copies.weights, self.points, wanted, self.context.span)
        return float(np.median(found.psnr))

    def _wanted(self, batch: Batch, share: float) -> Floats:
        """The mean images, (n, pixels, 1)."""
        target = Compose(MixUp()).replay(batch, _params(batch, share), track=True).target
        assert target is not None
        assert batch.partner is not None
        return render_target(batch.spec, target, batch.weights, batch.partner.weights, self.points)

    def _constant(self) -> Midpoints:
        """The mean brightness of each mean image, everywhere."""
        batch, psnr = paired(self.context, self.a, self.b), []
        for share in SHARES:
            variance = self._wanted(batch, share).astype(np.float64).var(axis=1).mean(axis=1)
            found = psnr_from_loss(variance.astype(np.float32), self.context.span)
            psnr.append(float(np.median(found)))
        return Midpoints(self.fields, self.pairs, "constant", None, tuple(psnr), None)


def _params(batch: Batch, share: float) -> Floats:
    """Parameters of a mix in which the second field has this share."""
    return np.full((len(batch), 1), 1 - share, np.float32)
