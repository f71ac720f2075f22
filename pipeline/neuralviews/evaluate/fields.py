"""The fields that readers are trained and tested on: which records, with which labels, prepared how."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..augment.base import Augmentation, column_count
from ..augment.batch import SoftLabels
from ..augment.labels import LabelSmoothing
from ..augment.supply import Supply
from ..data.dataset import ViewDataset
from ..data.labels import Labels
from ..data.normalize import Normalization
from ..data.transform import Transform
from ..errors import SpecError, StoreError
from ..records import NO_LABEL, Split
from ..seeds import derive_seed
from .conditions import Condition
from .label_noise import Labelled, mistaken
from .prepare import Preparation, kept, prepared

if TYPE_CHECKING:
    from ..augment.compose import Compose
    from ..store.reader import Store
    from .readers.base import Reader

__all__ = [
    "HELD_OUT",
    "FieldBatch",
    "Fields",
    "Rows",
    "active_records",
    "forget_fields",
    "held_out",
    "require_labels",
    "training_fields",
]

Rows = NDArray[np.int64]

HELD_OUT: tuple[Split, ...] = (Split.val, Split.test)


class FieldBatch(NamedTuple):
    """Fields as a reader takes them.

    Args:
        weights: (B, P) float32.
        target: (B, K) float32, shares of the classes.
        place: (B,) int64, where they stand in `Fields`; of a mixed field that of its first parent.
        partner: (B,) int64, the place of the second parent, -1 if it is not among the fields; None where
            nothing is mixed.
        lam: (B,) float32, the share of the first parent in the label; None likewise.
    """

    weights: Tensor
    target: Tensor
    place: Tensor
    partner: Tensor | None = None
    lam: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Fields:
    """Chosen records of a store.

    Args:
        rows: (N,) record ids, by object and view.
        label: (N,) int64, the class that each counts as: a wrong one after label noise.
        shares: (N, K) float32, the same as shares; soft ones of augmented stores.
        prepare: what the reader asks of its input.
        transform: augments them; None for fields as they are.
        kept: all of them prepared, (N, P) float32; None to prepare them whenever they are asked for.
    """

    store: "Store"
    rows: Rows
    label: Rows
    shares: NDArray[np.float32]
    prepare: Preparation
    transform: Transform | None = None
    kept: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def classes(self) -> int:
        """K."""
        return int(self.shares.shape[1])

    def batch(self, index: Rows, epoch: int = 0) -> FieldBatch:
        """Augmented anew for each epoch, prepared for the reader; index is (B,) places, none twice."""
        if self.transform is None:
            return self.clean(index)
        rows = self.rows[index]
        found = self.transform.copies(rows, epoch)
        weights = torch.from_numpy(self.prepare(found.batch.weights))
        target = torch.from_numpy(found.batch.labels.dense(self.classes))
        if found.partners is None:
            return FieldBatch(weights, target, torch.from_numpy(index))
        partner, lam = self._place[found.partners], self._share(found.params)
        return FieldBatch(
            weights, target, torch.from_numpy(index), torch.from_numpy(partner), torch.from_numpy(lam)
        )

    def clean(self, index: Rows) -> FieldBatch:
        """As they are in the store, prepared for the reader; index is (B,) places."""
        if self.kept is None:
            weights = self.prepare(self.store.weights(self.rows[index]))
        else:
            weights = self.kept[index]
        target = torch.from_numpy(self.shares[index])
        return FieldBatch(torch.from_numpy(weights), target, torch.from_numpy(index))

    @cached_property
    def _place(self) -> Rows:
        """Where each record of the store stands in ``rows``, (records,); -1 if it does not."""
        place = np.full(len(self.store), -1)
        place[self.rows] = np.arange(len(self))
        return place

    def _share(self, params: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of the first parent in the label of each copy, (B,)."""
        assert self.transform is not None
        start = 0
        for step in self.transform.steps.steps:
            parameters = step.parameters(self.transform.supply.context)
            if step.partner is not None:
                lam = params[:, start]  # the first column of whatever mixes
                return (lam >= 0.5).astype(np.float32) if _mixes_hard(step) else np.ascontiguousarray(lam)
            start += column_count(parameters)
        raise AssertionError("a pipeline with second parents has a step that mixes")

    def parent_target(self, place: Rows, *, second: bool) -> NDArray[np.float32]:
        """What mixed fields have of the label of one parent, (B, K) shares of the classes.

        ``lam`` of the first parents' and ``1 - lam`` of the second ones' are the target of `batch`.

        Args:
            place: (B,) of the parents.
            second: only what comes after the mixing befalls the label of a second parent.
        """
        assert self.transform is not None
        shares, together = self.shares[place], not second
        for step in self.transform.steps.steps:
            if step.partner is not None:
                together = True
                if _mixes_hard(step):
                    shares = SoftLabels.of(self.label[place]).dense(self.classes)
            elif isinstance(step, LabelSmoothing) and together:
                shares = (1 - step.epsilon) * shares + step.epsilon / self.classes
        return shares


def active_records(store: "Store", views: int, objects: int | None, root: int) -> Rows:
    """Records of the first views of the objects trained on, by object and view, (N,) int64.

    Objects are taken in an order by hash, the same one for all conditions, so that those of a smaller number
    are among those of a larger one. Whatever the views, a number of objects is of those whose first view is
    usable: fits that diverged leave the objects of all conditions the same.

    Raises:
        SpecError: views or objects that are not there.
        StoreError: no usable training record.
    """
    rows: Rows = ViewDataset(store, "train", views=views).rows
    if objects is None:
        return rows
    owner = store.column("object_id")
    there = np.unique(owner[ViewDataset(store, "train", views=1).rows]).tolist()
    if objects > len(there):
        raise SpecError(
            f"objects: found {objects}, but {store.root} has {len(there)} training objects whose first view "
            "is usable"
        )
    ranked = sorted(there, key=lambda item: derive_seed(root, store.dataset_id, "object", item))
    chosen: Rows = rows[np.isin(owner[rows], ranked[:objects])]
    return chosen


@lru_cache(maxsize=1)
def _given(
    store: "Store",
    views: int,
    objects: int | None,
    root: int,
    aligned: bool,
    normalize: Normalization | None,
) -> tuple[Rows, Preparation, NDArray[np.float32] | None]:
    """Records, how they are prepared, and `kept`; for runs in a row that differ by the seed alone."""
    forget_fields()  # before these take memory too
    rows = active_records(store, views, objects, root)
    return rows, *prepared(store, rows, aligned=aligned, normalize=normalize)


def forget_fields() -> None:
    """Free what this process holds of the last run's fields."""
    _given.cache_clear()


def training_fields(
    store: "Store",
    condition: Condition,
    reader: "type[Reader] | Reader",
    steps: "Compose | None",
    root: int,
) -> Fields:
    """What a condition trains on; its draws follow from ``root``, the dataset id and the condition's seed.

    Raises:
        SpecError: views or objects that are not there, or fields that cannot be augmented like this.
        StoreError: no labels, or label noise for objects that have no one class.
        OptionError: too few records to mix.
    """
    rows, prepare, ready = _given(
        store, condition.views, condition.objects, root, reader.aligned, reader.normalize
    )
    label, shares = _labelled(store, rows)
    seed = derive_seed(root, store.dataset_id, "repetition", condition.seed)
    if condition.label_noise:
        label = mistaken(store, rows, shares.shape[1], condition.label_noise, seed)
        shares = SoftLabels.of(label).dense(shares.shape[1])
    fields = Fields(store, rows, label, shares, prepare, kept=ready)
    if steps is None:
        return fields
    members = ViewDataset(store, "train").rows if condition.partners == "all" else rows
    supply = Supply(store, members)
    if condition.label_noise:
        every = np.full(len(store), NO_LABEL)
        every[rows] = label
        supply = Labelled(store, members, every)
    supply.require(steps)
    return replace(fields, transform=Transform(steps, supply, seed))


def held_out(store: "Store", split: Split, prepare: Preparation) -> Fields:
    """The first view of each object of a split, as training prepared its own fields.

    Raises:
        StoreError: no usable or no labelled record.
    """
    rows: Rows = ViewDataset(store, split.name, views=1).rows
    label, shares = _labelled(store, rows)
    return Fields(store, rows, label, shares, prepare, kept=kept(store, rows, prepare))


def require_labels(store: "Store", label: NDArray[np.integer[Any]]) -> None:
    """Raise StoreError if a record has no label, -1."""
    if (label == NO_LABEL).any():
        raise StoreError(
            f"{store.root}: {int((label == NO_LABEL).sum()):,} of {len(label):,} records have no label, "
            "which readers are trained on; take a store with labels"
        )


def _labelled(store: "Store", rows: Rows) -> tuple[Rows, NDArray[np.float32]]:
    labels = Labels(store)
    label = labels.hard(rows)
    require_labels(store, label)
    return label, labels.soft(rows)


def _mixes_hard(step: Augmentation) -> bool:
    """Whether a step that mixes gives the class of one parent alone."""
    return getattr(step, "labels", "soft") == "hard"
