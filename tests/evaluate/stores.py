"""Small stores whose classes can be read from the weights, for tests that train."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from neuralviews.records import NO_LABEL, Split
from neuralviews.store.reader import Store, open_store

from ..made_stores import digits_recipe, made_records, started_store

OBJECTS, VIEWS = 90, 3


def readable_store(
    root: Path,
    objects: int = OBJECTS,
    signal: float = 2.0,
    *,
    partly_labelled: bool = False,
    diverged: Collection[int] = (),
) -> Store:
    """Of digits, 3 views each: random weights, of the first ten the one of the class raised by ``signal``.

    Partly labelled, the first training record lacks a label; ``diverged`` are record ids.
    """
    recipe = digits_recipe(split={"rule": "random", "val": 400, "test": 400}, store={"rows_per_shard": 100})
    records = made_records(recipe, objects, diverged)
    weights = records.weights.copy()
    weights[np.arange(len(weights)), records.columns["label"]] += np.float32(signal)
    if partly_labelled:
        records.columns["label"][np.argmax(records.columns["split"] == Split.train)] = NO_LABEL
    writer = started_store(root, recipe, objects)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, replace(records, weights=weights).take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def objects_of(store: Store, split: Split) -> set[int]:
    """Object ids of a split."""
    return {*store.column("object_id")[store.column("split") == split].tolist()}
