"""Whether a store can be evaluated as asked, found out before anything is trained or written."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..augment.supply import Supply
from ..data.dataset import ViewDataset
from ..data.labels import Labels
from ..errors import OptionError, SpecError, StoreError
from ..fit.facts import field_facts
from ..records import NO_LABEL, NO_PARENT, Split
from ..store.schema import AUGMENT
from .conditions import Condition, Task
from .contrastive import require_contrastive
from .fields import HELD_OUT, Rows, active_records, held_out, require_labels
from .label_noise import require_one_class
from .prepare import Preparation
from .store_reader import reader_of_store
from .training import Training, require_batch

if TYPE_CHECKING:
    from ..augment.compose import Compose
    from ..store.reader import Store

__all__ = ["dataset_facts", "has_mixtures", "require_store", "require_suitable", "require_weighing"]


def require_store(store: "Store") -> None:
    """Refuse a store that has no labels, or lacks a split.

    Raises:
        StoreError
    """
    if not (store.column("label") != NO_LABEL).any():
        raise StoreError(
            f"{store.root}: has no labels, which readers are trained on, or their features probed by; "
            "take a store with labels"
        )
    summary = store.manifest.summary.splits
    missing = [split.name for split in Split if not summary[split.name].records]
    if missing and store.kind == AUGMENT:
        raise StoreError(
            f"{store.root}: augmented copies without split '{missing[0]}', which readers are chosen or "
            "tested on; evaluate the store they were made from, with --augment and the plan they were made by"
        )
    if missing:
        raise StoreError(
            f"{store.root}: has no record of split '{missing[0]}'; readers are trained on 'train', chosen on "
            "'val' and tested on 'test': make the store with a [split] table that has all three"
        )


def require_suitable(
    store: "Store",
    conditions: Sequence[Condition],
    steps: Mapping[str, "Compose | None"],
    *,
    batch: int,
    hidden: int | None,
    seed: int,
    task: Task = "classify",
) -> dict[tuple[int, int | None], int]:
    """Refuse conditions that cannot be; returns the records of each choice of views and objects.

    Args:
        steps: the augmentations by name.
    Raises:
        SpecError: views or objects that are not there, or fields that do not fit a reader or an augmentation.
        OptionError: no such reader, or one too wide; or fewer records than a batch has, or than mixing
            needs; or what the task contrastive does not have.
        StoreError: a split without usable or labelled records, or a single class; or copies that are mixed
            with what is held back, or whose objects have no one class for label noise.
    """
    classes = Labels(store).classes
    for name in dict.fromkeys(condition.reader for condition in conditions):
        reader_of_store(store, name, classes, seed=0, hidden=hidden)
    for split in HELD_OUT:
        held_out(store, split, Preparation(store.spec))
    records = {}
    whole = len(ViewDataset(store, "train"))
    for views, objects in dict.fromkeys((condition.views, condition.objects) for condition in conditions):
        rows = active_records(store, views, objects, seed)
        label = store.column("label")[rows]
        require_labels(store, label)
        found = np.unique(label)
        if len(found) < 2:
            raise StoreError(
                f"{store.root}: found 1 class in the {len(rows):,} training records, expected at least 2: "
                "there is nothing to tell apart"
            )
        if any(one.label_noise for one in conditions):
            require_one_class(store, rows)
        if len(rows) < whole and any(one.partners == "active" for one in conditions):
            _require_unmixed(store, rows)
        if task == "contrastive":
            owners = len(np.unique(store.column("object_id")[rows]))
            for one in conditions:
                require_contrastive(one, owners, batch)
        else:
            several = "1 view" if views == 1 else f"{views} views"
            many = "all" if objects is None else objects
            require_batch(len(rows), batch, f"{several} of {many} objects are ")
        for name, augmentation in steps.items():
            if augmentation is not None:
                _require_augmentation(store, rows, name, augmentation)
        records[views, objects] = len(rows)
    return records


def require_weighing(
    conditions: Sequence[Condition], records: Mapping[tuple[int, int | None], int], training: Training
) -> None:
    """Refuse to reweight runs that end before, or as, records are first weighed anew.

    Args:
        records: as `require_suitable` gives them.
    Raises:
        OptionError
    """
    for one in conditions:
        epoch = records[one.views, one.objects] // training.batch
        if one.reweight != "none" and training.steps <= epoch:
            raise OptionError(
                f"reweight: found {training.steps} steps, but records are first weighed after the {epoch} "
                f"of an epoch; use --steps {epoch + 1} or more, several --epochs, or leave it out"
            )


def has_mixtures(store: "Store", rows: Rows) -> bool:
    """Whether any of these records has a second parent."""
    return store.kind == AUGMENT and bool((store.column("parent_b")[rows] != NO_PARENT).any())


def _require_unmixed(store: "Store", rows: Rows) -> None:
    """Raise StoreError if some of the records trained on are mixed, others being held back."""
    if has_mixtures(store, rows):
        raise StoreError(
            f"{store.root}: views or objects are to be held back, but its copies were mixed with others "
            "of the training split; take all views and objects, evaluate the store they were made from with "
            "--augment and their plan, or give --partners all to measure that leak"
        )


def _require_augmentation(store: "Store", rows: Rows, name: str, steps: "Compose") -> None:
    """Raise the error of what cannot augment such fields, with its name before it."""
    try:
        Supply(store, rows).require(steps)
    except (OptionError, SpecError) as error:
        raise type(error)(f"augment {name!r}: {error}") from None


def dataset_facts(store: "Store") -> dict[str, Any]:
    """What results tell of the store."""
    test = held_out(store, Split.test, Preparation(store.spec))
    counts = np.bincount(test.label, minlength=test.classes)
    return {
        "name": field_facts(store).name,
        "kind": store.kind,
        "dims": list(store.spec.dims),
        "records": len(store),
        "classes": test.classes,
        "tested": len(test),
        "largest_class": float(counts.max() / counts.sum()),
        "objects": {split.name: store.manifest.summary.splits[split.name].objects for split in Split},
    }
