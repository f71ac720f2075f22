"""`ViewDataset`: the views of one split of a store, as torch's DataLoader takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..augment.base import Augmentation
from ..augment.compose import Compose
from ..errors import SpecError, StoreError
from ..integers import whole_number
from ..records import Split, Status, split_named
from ..seeds import derive_seed
from ..store.reader import Store, open_store
from .batch import ItemRows, Layout, ViewBatch, ViewItem, arrange
from .labels import Labels
from .normalize import Normalization, Normalizer
from .transform import Transform

__all__ = ["ViewDataset"]


class ViewDataset(Dataset[ViewItem]):
    """The neural views of a split, ordered by object and view.

    Fields recorded as diverged are no faithful views of their object, nor are copies that their plan
    rejected; both are left out, and `skipped` counts them. Hand `collate` to the DataLoader: a batch is then
    gathered at once, which is what makes it fast.

    Args:
        store: an open store, or its folder.
        split: ``"train"``, ``"val"`` or ``"test"``, or a `Split`.
        views: ``"all"``; a number n for the views numbered below n, 0 to n - 1, as far as an object has them
            (a diverged one is not made up for, and imported ones may be numbered in any way); or ``"random"``
            for one view of each object, drawn anew in each epoch that `set_epoch` announces; without it,
            always the same.
        layout: how `collate` arranges the weights: see `ViewBatch`.
        seed: of all draws, which also follow from the dataset id and the epoch.
        transform: augments each field anew in each epoch that `set_epoch` announces, the same in any batch
            and worker. Fields are mixed with others of the split and of the views in use.
        normalize: subtract the mean and divide by the standard deviation, after the transform: for
            ``"layer"`` those of each weight matrix and each bias, for ``"parameter"`` those of each
            parameter. Always those of the training split, see `Statistics`; they are kept in the
            store's folder if that can be written to.
    Attributes:
        classes: K, how many classes `ViewBatch.target` has; 0 without labels.
    Raises:
        SpecError: an unknown split, layout or way to normalize, views that the store does not have, or
            fields that cannot be augmented like this.
        OptionError: no augmentation, or fewer than two fields to mix.
        StoreError: the split has no usable record.
    """

    def __init__(
        self,
        store: Store | str | Path,
        split: Split | str = "train",
        *,
        views: Literal["all", "random"] | int = "all",
        layout: Layout = "flat",
        seed: int = 0,
        transform: Augmentation | Compose | None = None,
        normalize: Normalization | None = None,
    ) -> None:
        if layout not in get_args(Layout):
            raise SpecError(f"layout: found {layout!r}, expected one of {', '.join(get_args(Layout))}")
        self.store = store = open_store(store)
        self.split = split_named(split).name
        self.views, below = _views_below(store, views)
        self.layout: Layout = layout
        if (found := whole_number(seed)) is None:
            raise SpecError(f"seed: found {seed!r}, expected an integer")
        self.seed = seed = found
        self._members, self.skipped = _usable_records(store, self.split, self.views, below)
        self._labels = Labels(store)
        self.classes = self._labels.classes
        self._transform = None if transform is None else Transform.of(transform, store, self._members, seed)
        self._normalizer = None if normalize is None else Normalizer.of(store, normalize)
        objects = store.column("object_id")[self._members]
        self._starts = np.flatnonzero(np.r_[True, objects[1:] != objects[:-1]])
        # Shared memory, so that persistent workers see the epochs that the training process sets.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]
        self._drawn_for = -1
        self._rows = self._members

    def __len__(self) -> int:
        return len(self._starts) if self.views == "random" else len(self._members)

    def __repr__(self) -> str:
        return f"<ViewDataset {self.store}, split {self.split!r}, views {self.views!r}: {len(self)} items>"

    def __getitem__(self, index: int) -> ViewItem:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> ItemRows:
        """Gather many views at once, in the order given."""
        rows = self.rows[np.asarray(indices, np.int64)]
        if self._transform is None:
            weights = self.store.weights(rows)
            label, target = self._labels.hard(rows), self._labels.soft(rows)
        else:
            batch = self._transform(rows, int(self._epoch))
            weights, label = batch.weights, batch.labels.hard().astype(np.int64)
            target = batch.labels.dense(self.classes)
        if self._normalizer is not None:
            self._normalizer.normalize(weights)
        return ItemRows(
            torch.from_numpy(weights),
            torch.from_numpy(label),
            self._gather("object_id", rows),
            self._gather("view", rows),
            torch.from_numpy(rows),
            torch.from_numpy(target),
        )

    @property
    def rows(self) -> NDArray[np.int64]:
        """The record that each index stands for in the present epoch, (len,)."""
        if self.views == "random" and self._drawn_for != (epoch := int(self._epoch)):
            self._rows, self._drawn_for = self._draw(epoch), epoch
        return self._rows

    def set_epoch(self, epoch: int) -> None:
        """Announce an epoch before its loop begins; workers follow. Random views and transforms need it."""
        number = whole_number(epoch)
        if number is None or number < 0:
            raise SpecError(f"epoch: found {epoch!r}, expected an integer, 0 or more")
        self._epoch.fill_(number)

    def collate(self, items: Sequence[ViewItem]) -> ViewBatch:
        """Arrange views in the dataset's layout; pass it to the DataLoader as ``collate_fn``."""
        rows = items if isinstance(items, ItemRows) else ItemRows.stack(items)
        return arrange(rows, self.store.spec, self.layout)

    def _gather(self, name: str, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.store.column(name)[rows].astype(np.int64))

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """One member of each object, each equally likely (to 2^-32), from the epoch's own stream."""
        key = derive_seed(self.seed, self.store.dataset_id, "view", epoch)
        high_bits = np.random.Philox(key=key).random_raw(len(self._starts)) >> np.uint64(32)
        counts = np.diff(self._starts, append=len(self._members)).astype(np.uint64)
        return self._members[self._starts + ((high_bits * counts) >> np.uint64(32)).astype(np.int64)]


def _views_below(store: Store, views: str | int) -> tuple[Literal["all", "random"] | int, int]:
    """What is asked for, and the number that the views in use are numbered below."""
    largest = max(int(columns["view"].max()) for _, columns in store.scan("view"))
    if views in ("all", "random"):
        return cast(Literal["all", "random"], views), largest + 1
    number = whole_number(views)
    if number is None:
        raise SpecError(
            f"views: found {views!r}, expected 'all', 'random' or a number from 1 to {largest + 1}"
        )
    if not 1 <= number <= largest + 1:
        raise SpecError(
            f"views: found {number}, but the views in {store.root} are numbered up to {largest}; "
            f"expected 1 to {largest + 1}: n takes the views numbered below n"
        )
    return number, number


def _usable_records(store: Store, split: str, views: str | int, below: int) -> tuple[NDArray[np.int64], int]:
    """Records of the split by object and view, and how many diverged or rejected ones were left out."""
    parts: list[NDArray[np.int64]] = []
    skipped, last, ordered = 0, -1, True
    for rows, columns in store.scan("split", "view", "status", "object_id"):
        wanted = (columns["split"] == Split[split]) & (columns["view"] < below)
        usable = np.flatnonzero(wanted & (columns["status"] != Status.diverged))
        skipped += int(wanted.sum()) - len(usable)
        if len(usable):
            place = columns["object_id"][usable].astype(np.int64) << 16 | columns["view"][usable]
            ordered &= bool(last < place[0] and (place[1:] > place[:-1]).all())
            last = int(place[-1])
            parts.append(rows.start + usable)
    if not parts:
        splits = store.manifest.summary.splits
        found = ", ".join(f"{part.name} {splits[part.name].records}" for part in Split)
        among = f" among the views numbered below {views}" if isinstance(views, int) else ""
        raise StoreError(
            f"{store.root}: split '{split}' has no usable record{among} "
            f"({skipped} diverged or rejected; records: {found}); choose another split"
            f"{', or more views' if among else ''}"
        )
    members = np.concatenate(parts)
    if not ordered:
        members = members[np.lexsort([store.column(name)[members] for name in ("view", "object_id")])]
    return members, skipped
