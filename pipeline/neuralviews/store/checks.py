"""What must hold of the records of a store, whoever wrote them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import NO_IOU, NO_LABEL, NO_PARENT, Records, ShapeTarget, Status
from .job import Job
from .values import column_problem

__all__ = ["label_problems", "record_problems"]

_BLOCK = 256
_SHARES_TOLERANCE = 1e-6
"""What shares, rounded to float32 each, may add up to beyond 1."""


def record_problems(records: Records, job: Job, shard: int) -> Iterator[str]:
    """Why these records, laid out as the job says, cannot be those of a shard; nothing if they can."""
    columns, rows = records.columns, job.row_range(shard)
    if not np.array_equal(columns["record_id"], np.arange(rows.start, rows.stop, dtype="<u8")):
        yield f"record_id does not run from {rows.start} to {rows.stop - 1}"
        return
    for name, column in columns.items():
        problem = column_problem(name, column, rows, job.kind)
        if problem is not None:
            yield problem
    loss = columns["loss"]
    unknown = (loss == np.finfo(np.float32).max) & (columns["status"] != Status.diverged)
    if unknown.any():
        record = rows[int(np.argmax(unknown))]
        yield f"loss of record {record} is the largest float32, which only a diverged one may have"
    if records.augmented:
        yield from _copy_problems(columns, rows, job.pipelines)
    if records.shapes:
        inside = (columns["target"] == ShapeTarget.udf) & (columns["iou"] != NO_IOU)
        yield from _broken([(inside, "iou of record {} is not -1, but its target has no inside")], rows)
    yield from _not_finite(records.weights, rows)


def _copy_problems(columns: Mapping[str, NDArray[Any]], rows: range, pipelines: int) -> Iterator[str]:
    rules = (
        (columns["parent_a"] == NO_PARENT, "parent_a of record {} is missing"),
        (columns["pipeline"] >= pipelines, f"pipeline of record {{}} is not one of 0 to {pipelines - 1}"),
    )
    yield from _broken(rules, rows)
    yield from label_problems(columns["label"], columns["classes"], columns["shares"], rows)


def label_problems(
    label: NDArray[Any], classes: NDArray[Any], shares: NDArray[Any], rows: range
) -> Iterator[str]:
    """Why soft labels, (n, m) each, cannot be those of copies with these labels, (n,); nothing if they can.

    Args:
        rows: their record_ids.
    """
    rules = (
        (
            ((classes == NO_LABEL) & (shares != 0)).any(axis=1),
            "shares of record {} are not 0 where there is no class",
        ),
        (
            shares.sum(axis=1, dtype=np.float64) > 1 + _SHARES_TOLERANCE,
            "shares of record {} add up to more than 1",
        ),
        (
            label != classes[np.arange(len(rows)), shares.argmax(axis=1)],
            "label of record {} is not the class with the largest share",
        ),
    )
    yield from _broken(rules, rows)


def _broken(rules: Iterable[tuple[NDArray[np.bool_], str]], rows: range) -> Iterator[str]:
    for wrong, problem in rules:
        if wrong.any():
            yield problem.format(rows[int(np.argmax(wrong))])


def _not_finite(weights: NDArray[np.float32], rows: range) -> Iterator[str]:
    for start in range(0, len(weights), _BLOCK):
        finite = np.isfinite(weights[start : start + _BLOCK]).all(axis=1)
        if not finite.all():
            yield f"weights of record {rows[start + int(np.argmin(finite))]} are not finite"
            return
