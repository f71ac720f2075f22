"""Wrong labels on purpose, to measure what a method of training withstands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.batch import Batch, SoftLabels
from ..augment.partners import PartnerPool
from ..augment.supply import Supply
from ..data.labels import Labels
from ..draws import Draws, row_seeds
from ..errors import OptionError, StoreError
from ..records import NO_LABEL, Split
from ..seeds import derive_seed

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Labelled", "corrupt_labels", "mistaken", "require_one_class"]


def corrupt_labels(labels: NDArray[np.int64], classes: int, share: float, seed: int) -> NDArray[np.int64]:
    """Give exactly ``round(share * n)`` of the n labelled records another class, uniform over the others.

    This is symmetric label noise. The published code of Bar et al. (see `reweighting`) redraws the labels
    uniformly over all classes instead, so that its noise of 40 % with ten classes flips but 36 %.
    With one seed, the records flipped at a smaller share are among those flipped at a larger one, to the
    same classes.

    Args:
        labels: (n,) int64, -1 for none; those stay.
        classes: K, at least 2.
        share: from 0 to below 1.
        seed: from `derive_seed`.
    Returns:
        New labels, (n,) int64; ``labels`` stay as they are.
    Raises:
        OptionError: a share or number of classes that cannot be, or a label beyond the classes.
    """
    if not 0 <= share < 1:
        raise OptionError(f"label noise: found share {share!r}, expected a number from 0 to below 1")
    if classes < 2:
        raise OptionError(f"label noise: found {classes} class, expected at least 2: none other to take")
    labelled = np.flatnonzero(labels != NO_LABEL)
    present = labels[labelled]
    if len(present) and not (present.min() >= 0 and present.max() < classes):
        raise OptionError(
            f"label noise: found labels from {present.min()} to {present.max()}, "
            f"expected 0 to {classes - 1}, or -1 for none"
        )
    draws = Draws(row_seeds(seed, np.arange(len(labelled))))
    order = np.argsort(draws.child(0).bits(1)[:, 0], kind="stable")
    flipped = order[: round(share * len(labelled))]
    step = draws.child(1).take(flipped).integers(1, classes - 1, 1)[:, 0]
    corrupted = labels.astype(np.int64)
    corrupted[labelled[flipped]] = (present[flipped] + step) % classes
    return corrupted


def require_one_class(store: "Store", rows: NDArray[np.int64]) -> None:
    """Refuse records of which an object has several classes, or shares of them: no class is its wrong one.

    Raises:
        StoreError
    """
    labels = Labels(store)
    label, owner = labels.hard(rows), store.column("object_id")[rows]
    _, first, place = np.unique(owner, return_index=True, return_inverse=True)
    mixed = (label != label[first][place]) | (labels.soft(rows).max(axis=1) < 1)
    if mixed.any():
        raise StoreError(
            f"{store.root}: label noise: found {int(mixed.sum()):,} of {len(rows):,} training records with "
            "mixed or smoothed labels, expected one class for each object; evaluate the store they were made "
            "from, with --augment and the plan they were made by"
        )


def mistaken(
    store: "Store", rows: NDArray[np.int64], classes: int, share: float, seed: int
) -> NDArray[np.int64]:
    """Classes of records, (n,): a share of the objects has another one, as `corrupt_labels` gives it.

    All views of an object get the same wrong label: it is the object that somebody mistook.

    Raises:
        StoreError: as `require_one_class`.
    """
    require_one_class(store, rows)
    _, first, owner = np.unique(store.column("object_id")[rows], return_index=True, return_inverse=True)
    label = store.column("label")[rows[first]].astype(np.int64)
    return corrupt_labels(label, classes, share, derive_seed(seed, "label noise"))[owner]


@dataclass(frozen=True, eq=False)
class Labelled(Supply):
    """Fields with labels of our own.

    Args:
        label: (records,) int64 of the store, -1 where none is needed.
    """

    label: NDArray[np.int64]

    @cached_property
    def pools(self) -> Mapping[int, PartnerPool]:
        """Partners of a class are those that count as it: the true one would tell which labels are wrong."""
        members = np.asarray(self.members)
        return {int(Split.train): PartnerPool(members, self.label[members])}

    def batch(self, rows: NDArray[np.int64], partners: NDArray[np.int64] | None = None) -> Batch:
        found = Batch.of(self.context, self.store.weights(rows), SoftLabels.of(self.label[rows]))
        return found if partners is None else replace(found, partner=self.batch(partners))
