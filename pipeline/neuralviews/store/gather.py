"""Rows of many mapped shards brought together, each way of asking by the fastest way of copying."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .mapping import ShardMaps

__all__ = ["Rows", "copy_rows", "join_scattered", "runs"]

Rows = NDArray[np.int64]


def runs(shards: Rows) -> Iterator[tuple[int, slice]]:
    """The runs of equal numbers in ascending ``shards``, as (shard, slice)."""
    if not len(shards):
        return
    bounds = [0, *(np.flatnonzero(np.diff(shards)) + 1).tolist(), len(shards)]
    for start, stop in pairwise(bounds):
        yield int(shards[start]), slice(start, stop)


def copy_rows(source: NDArray[np.float32], rows: Rows, out: NDArray[np.float32]) -> None:
    """``out[:] = source[rows]``, at least one row, all of them valid."""
    first, count = int(rows[0]), len(rows)
    if int(rows[-1]) - first == count - 1 and (np.diff(rows) == 1).all():
        out[:] = source[first : first + count]
    else:
        # "clip" never acts; it spares the copy that take makes in order to raise without side effects.
        np.take(source, rows, axis=0, out=out, mode="clip")


def join_scattered(maps: ShardMaps, shards: Rows, rows: Rows, parameters: int) -> NDArray[np.float32]:
    """Row ``rows[i]`` of shard ``shards[i]`` for every i, (k, P) float32, in any order.

    Joining slices of bytes costs a fraction of indexing arrays row by row, and the same for any number
    of shards, where grouping by shard would pay for each.
    """
    numbers = shards.tolist()
    views = maps.weight_bytes(numbers)
    size = parameters * np.dtype(np.float32).itemsize
    starts = (rows * size).tolist()
    joined = bytearray().join(
        [views[n][start : start + size] for n, start in zip(numbers, starts, strict=True)]
    )
    return np.frombuffer(joined, np.float32).reshape(-1, parameters)
