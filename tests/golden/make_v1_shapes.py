"""Makes ``tests/golden/v1_shapes``, a tiny store of made-up fields of shapes of format version 1.

Run once, by the version that introduced its columns: ``python -m tests.golden.make_v1_shapes``. It refuses to
replace the store, for the bytes in the repository are the ones that were published.
"""

from pathlib import Path

from neuralviews.field import FieldSpec
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..store.stores import make_shapes, make_shapes_job

ROOT = Path(__file__).parent / "v1_shapes"
SPEC = FieldSpec([3, 4, 3, 1], [30.0, 15.0])
ROWS, ROWS_PER_SHARD = 50, 32


def make(root: Path) -> str:
    """Write the store of two shards; returns its dataset id."""
    writer = StoreWriter(root, make_shapes_job(ROWS, ROWS_PER_SHARD, SPEC))
    for shard in range(writer.shard_count):
        writer.commit(shard, make_shapes(writer.row_range(shard), SPEC))
    return writer.finalize()


if __name__ == "__main__":
    if ROOT.exists():
        raise SystemExit(f"{ROOT} is there; golden stores are never made again")
    make(ROOT)
    print(open_store(ROOT))
