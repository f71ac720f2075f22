"""Everything a shard itself can prove: its bytes, its structure, and what its records say."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import IntegrityError
from ..records import Records, Split
from .checks import record_problems
from .files import open_regular
from .job import Job
from .lineage import Lineage
from .manifest_schema import Extent, Receipt, ShardEntry, Summary
from .mapping import dataset_view, require_bytes
from .memory_map import map_file
from .opener import inspect_shard
from .schema import WEIGHTS, column_path, shard_name
from .totals import KEPT, Totals

__all__ = ["ShardFacts", "examine_shard", "summarize"]


@dataclass(frozen=True)
class ShardFacts:
    """What was found in one shard: its manifest entry, and the columns that span shards."""

    entry: ShardEntry
    columns: Mapping[str, NDArray[Any]]


def examine_shard(
    root: Path, job: Job, shard: int, stated: Receipt | ShardEntry, lineage: Lineage | None = None
) -> ShardFacts:
    """Prove one shard: first size and sha256, then its structure, then its records, then their parents.

    Args:
        lineage: of augmented copies, where their parent store is at hand.

    Raises:
        IntegrityError: its bytes are not those stated, or its records cannot be right.
        UnsafeShard: its structure is not that of a shard.
    """
    path, rows = root / shard_name(shard), job.row_range(shard)
    with open_regular(root, shard_name(shard)) as fd:
        require_bytes(fd, path, stated.bytes, stated.sha256)
        extents = inspect_shard(fd, path, job, shard)
        mapping = map_file(fd, path, stated.bytes)
    arrays = {name: dataset_view(mapping, extent) for name, extent in extents.items()}
    columns = {name: arrays[column_path(name)] for name in job.layout.columns()}
    records = Records(job.spec, arrays[WEIGHTS], columns)
    problems = record_problems(records, job, shard)
    for problem in problems if lineage is None else chain(problems, lineage.problems(columns, rows)):
        raise IntegrityError(f"{path}: {problem}; make the store again")
    entry = _entry(shard, rows, stated, extents, columns["split"])
    return ShardFacts(entry, {name: columns[name].copy() for name in KEPT if name in columns})


def summarize(root: Path, totals: Totals) -> Summary:
    """Prove what must hold across all shards of a store, and sum them up exactly.

    Raises:
        IntegrityError: an object in two splits, a view of it twice, or a shape whose views differ in what
            is known of it.
    """
    for problem in totals.problems():
        raise IntegrityError(f"{root}: {problem}; make the store again")
    return totals.summary()


def _entry(
    shard: int, rows: range, stated: Receipt | ShardEntry, extents: dict[str, Extent], split: NDArray[Any]
) -> ShardEntry:
    return ShardEntry(
        file=shard_name(shard),
        bytes=stated.bytes,
        sha256=stated.sha256,
        row_start=rows.start,
        rows=len(rows),
        splits={part.name: int((split == part).sum()) for part in Split},
        datasets=extents,
    )
