"""Makes ``tests/golden/v1_augmented``, a tiny store of augmented copies of format version 1.

Run once, by the version that introduced its kind: ``python -m tests.golden.make_v1_augmented``. It refuses to
replace the store, for the bytes in the repository are the ones that were published. Its parent is
``tests/golden/v1``.
"""

import json
from pathlib import Path

from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..store.stores import make_copies, make_copies_job
from .make_v1 import ROOT as PARENT
from .make_v1 import ROWS as PARENT_ROWS
from .make_v1 import SPEC

ROOT = Path(__file__).parent / "v1_augmented"
ROWS, ROWS_PER_SHARD = 2 * PARENT_ROWS, 64


def make(root: Path) -> str:
    """Write the store of two shards; returns its dataset id."""
    parent = open_store(PARENT)
    stated = {
        "dataset_id": parent.dataset_id,
        "rows": len(parent),
        "job": json.loads((PARENT / "job.json").read_bytes()),
    }
    writer = StoreWriter(root, make_copies_job(ROWS, ROWS_PER_SHARD, SPEC) | {"parent": stated})
    for shard in range(writer.shard_count):
        writer.commit(shard, make_copies(writer.row_range(shard), SPEC, PARENT_ROWS))
    return writer.finalize()


if __name__ == "__main__":
    if ROOT.exists():
        raise SystemExit(f"{ROOT} is there; golden stores are never made again")
    make(ROOT)
    print(open_store(ROOT))
