"""Makes ``tests/golden/v1_imported``, a tiny store of imported fields of format version 1.

Some of its PSNRs, losses and statuses are known, and two numbers are stated of each field. Run once, by the
version that introduced its kind: ``python -m tests.golden.make_v1_imported``. It refuses to replace the
store, for the bytes in the repository are the ones that were published.
"""

from pathlib import Path

from neuralviews.field import FieldSpec
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..store.stores import make_imported, make_imported_job

ROOT = Path(__file__).parent / "v1_imported"
SPEC = FieldSpec([2, 4, 3, 3], [30.0, 15.0], 0.5, 2.0, "ij")
ROWS, ROWS_PER_SHARD = 50, 32


def make(root: Path) -> str:
    """Write the store of two shards; returns its dataset id."""
    writer = StoreWriter(root, make_imported_job(ROWS, ROWS_PER_SHARD, SPEC))
    for shard in range(writer.shard_count):
        writer.commit(shard, make_imported(writer.row_range(shard), SPEC))
    return writer.finalize()


if __name__ == "__main__":
    if ROOT.exists():
        raise SystemExit(f"{ROOT} is there; golden stores are never made again")
    make(ROOT)
    print(open_store(ROOT))
