"""How many copies of each pipeline a plan turned down."""

from typing import TYPE_CHECKING

import numpy as np

from ..records import Status
from .stated import stated_copies

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["copies_and_rejected"]


def copies_and_rejected(store: "Store") -> dict[str, tuple[int, int]]:
    """How many copies each pipeline has in an augmented store, and how many of them were rejected.

    Counted from the records, so every shard is proven first.

    Raises:
        FormatError: the store was not made by `augment`.
        IntegrityError: a shard is not what was published.
    """
    names = [pipeline.name for pipeline in stated_copies(store).plan.pipelines]
    pipeline = store.column("pipeline")
    lost = pipeline[store.column("status") == Status.diverged]
    counts = (np.bincount(rows, minlength=len(names)).tolist() for rows in (pipeline, lost))
    return {name: (made, rejected) for name, made, rejected in zip(names, *counts, strict=False)}
