"""Some records of a store as a store of their own, for tests of whoever reads subsets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuralviews.records import Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter


def subset_of(store: Store, rows: Sequence[int], root: Path, rows_per_shard: int = 8, **more: Any) -> Store:
    """These records of a store, ascending, numbered anew."""
    kept = store.read(np.array(rows))
    records = Records(
        kept.spec, kept.weights, {**kept.columns, "record_id": np.arange(len(rows), dtype=np.uint64)}
    )
    job = {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "subset",
        "name": "some",
        "rows": len(rows),
        "rows_per_shard": rows_per_shard,
        "arch": store.spec.to_json(),
        "of": {"dataset_id": store.dataset_id, "job": dict(store.job)},
        **more,
    }
    writer = StoreWriter(root, job)
    for shard in writer.missing():
        part = writer.row_range(shard)
        writer.commit(shard, records.take(slice(part.start, part.stop)))
    writer.finalize()
    return open_store(root)
