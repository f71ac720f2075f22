"""Everything a shard itself can prove: its bytes, its structure, and what its records say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from ..errors import IntegrityError
from ..records import NO_IOU, SHAPE_COLUMNS, Records, ShapeTarget, Split
from .checks import object_problems, record_problems, shape_problems
from .files import open_regular
from .job import Job
from .lineage import Lineage
from .manifest import (
    ErrorSummary,
    Extent,
    IouSummary,
    PsnrSummary,
    Receipt,
    ShapeSummary,
    ShardEntry,
    SplitSummary,
    Summary,
)
from .mapping import dataset_view, require_bytes
from .memory_map import map_file
from .opener import inspect_shard
from .schema import WEIGHTS, column_path, shard_name, statuses

__all__ = ["ShardFacts", "examine_shard", "summarize"]

_KEPT = ("object_id", "view", "split", "psnr", "status", *SHAPE_COLUMNS)


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
    return ShardFacts(entry, {name: columns[name].copy() for name in _KEPT if name in columns})


def summarize(root: Path, job: Job, facts: Iterable[ShardFacts]) -> Summary:
    """Prove what must hold across all shards of a store, and sum them up exactly.

    Raises:
        IntegrityError: an object in two splits, a view of it twice, or a shape whose views differ in what
            is known of it.
    """
    shards: Sequence[ShardFacts] = list(facts)
    found = {name: np.concatenate([f.columns[name] for f in shards]) for name in shards[0].columns}
    object_id, split, status = found["object_id"], found["split"], found["status"]
    problems = object_problems(object_id, found["view"], split)
    limit = job.max_disagreement
    for problem in problems if limit is None else chain(problems, shape_problems(object_id, found)):
        raise IntegrityError(f"{root}: {problem}; make the store again")
    known = found["psnr"][~np.isnan(found["psnr"])]
    return Summary(
        splits={
            part.name: SplitSummary(int((split == part).sum()), len(np.unique(object_id[split == part])))
            for part in Split
        },
        psnr=PsnrSummary(*_quantiles(known, 50, 5, 0)) if len(known) else UNSET,
        status={part.name: int((status == part).sum()) for part in statuses(job.kind)},
        shapes=UNSET if limit is None else _shape_summary(found, limit),
    )


def _shape_summary(columns: Mapping[str, NDArray[Any]], limit: float) -> ShapeSummary:
    iou, target = columns["iou"], columns["target"]
    known = iou[iou != NO_IOU]
    _, first = np.unique(columns["object_id"], return_index=True)
    # The limit is rounded as the column was, so that what lies at the limit is not beyond it.
    marked = columns["sign_disagreement"][first] > np.float32(limit)
    return ShapeSummary(
        ErrorSummary(*_quantiles(columns["surface_error"], 50, 95, 100)),
        {part.name: int((target[first] == part).sum()) for part in ShapeTarget},
        int(marked.sum()),
        IouSummary(*_quantiles(known, 50, 5, 0)) if len(known) else UNSET,
    )


def _quantiles(values: NDArray[Any], *percents: int) -> list[float]:
    """For each percent p the element p (n - 1) div 100 of the n sorted values."""
    ordered = np.sort(values)
    return [float(ordered[(len(ordered) - 1) * percent // 100]) for percent in percents]


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
