"""What must hold of the records of a store, whoever wrote them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import Records, Split, Status

__all__ = ["object_problems", "record_problems"]

_BLOCK = 256


def record_problems(records: Records, rows: range) -> Iterator[str]:
    """Why these records cannot be the rows ``rows`` of a store; nothing if they can."""
    columns = records.columns
    if not np.array_equal(columns["record_id"], np.arange(rows.start, rows.stop, dtype="<u8")):
        yield f"record_id does not run from {rows.start} to {rows.stop - 1}"
        return
    for name, kind in (("split", Split), ("status", Status)):
        if columns[name].max() >= len(kind):
            yield f"{name}: found {columns[name].max()}, expected 0 to {len(kind) - 1}"
    for name in ("psnr", "loss"):
        if not np.isfinite(columns[name]).all():
            yield f"{name} of record {rows[int(np.argmin(np.isfinite(columns[name])))]} is not finite"
    loss = columns["loss"]
    if (loss < 0).any():
        yield f"loss of record {rows[int(np.argmax(loss < 0))]} is negative"
    unknown = (loss == np.finfo(np.float32).max) & (columns["status"] != Status.diverged)
    if unknown.any():
        record = rows[int(np.argmax(unknown))]
        yield f"loss of record {record} is the largest float32, which only a diverged one may have"
    for start in range(0, len(records), _BLOCK):
        finite = np.isfinite(records.weights[start : start + _BLOCK]).all(axis=1)
        if not finite.all():
            yield f"weights of record {rows[start + int(np.argmin(finite))]} are not finite"
            return


def object_problems(object_id: NDArray[Any], view: NDArray[Any], split: NDArray[Any]) -> Iterator[str]:
    """Why whole columns of a store cannot be right: an object in two splits, or a view of it twice."""
    key = object_id.astype(np.uint64) << np.uint64(16) | view
    order = np.argsort(key, kind="stable")
    key, split = key[order], split[order]
    same_object = key[1:] >> np.uint64(16) == key[:-1] >> np.uint64(16)
    crossing = same_object & (split[1:] != split[:-1])
    if crossing.any():
        yield f"object {key[int(np.argmax(crossing))] >> np.uint64(16)} is in more than one split"
    repeated = key[1:] == key[:-1]
    if repeated.any():
        first = int(key[int(np.argmax(repeated))])
        yield f"object {first >> 16} has view {first & 0xFFFF} more than once"
