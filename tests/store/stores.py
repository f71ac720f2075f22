"""Small synthetic stores: every number is an exact function of the record_id, the same on all machines."""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from neuralviews.field import FieldSpec
from neuralviews.records import (
    AUGMENTED_COLUMNS,
    COLUMNS,
    IMPORTED_COLUMNS,
    NO_IOU,
    NO_LABEL,
    NO_PARENT,
    REPAIRS,
    SHAPE_COLUMNS,
    Records,
    ShapeTarget,
    Split,
    Status,
)
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

SPEC = FieldSpec([2, 5, 4, 1], 30.0, 0.5)
VIEWS = 3
PARENT_ROWS = 100
CONTENTS = ("fitted", "copies", "shapes", "imported")
"""What stores hold, each with columns of its own."""


def make_job(
    rows: int = 100, rows_per_shard: int = 32, spec: FieldSpec = SPEC, **more: Any
) -> dict[str, Any]:
    return {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "generate",
        "rows": rows,
        "rows_per_shard": rows_per_shard,
        "arch": spec.to_json(),
        "name": "synthetic",
        **more,
    }


def make_copies_job(
    rows: int = 200, rows_per_shard: int = 64, spec: FieldSpec = SPEC, parent: str = "0" * 64, **more: Any
) -> dict[str, Any]:
    """The job of a store of augmented copies, two of each of ``PARENT_ROWS`` records."""
    copies = {
        "kind": "augment",
        "columns": {"classes": 2, "params": 3},
        "pipelines": [
            {"name": "flip", "params": [["axis", 1]]},
            {"name": "mix", "params": [["share", 1], ["k", 2]]},
        ],
        "parent": {"dataset_id": parent},
    }
    return make_job(rows, rows_per_shard, spec) | copies | more


def make_shapes_job(
    rows: int = 100, rows_per_shard: int = 32, spec: FieldSpec = SPEC, **more: Any
) -> dict[str, Any]:
    """The job of a store of fitted shapes."""
    shapes = {"columns": {"repairs": REPAIRS}, "max_disagreement": 0.05}
    return make_job(rows, rows_per_shard, spec) | shapes | more


def make_imported_job(
    rows: int = 100, rows_per_shard: int = 32, spec: FieldSpec = SPEC, **more: Any
) -> dict[str, Any]:
    """The job of a store of imported fields, of each of which two numbers are stated."""
    imported = {"kind": "import", "columns": {"attributes": 2}, "attributes": ["amplitude", "frequency"]}
    return make_job(rows, rows_per_shard, spec) | imported | more


def make_subset_job(of: Mapping[str, Any], rows: int = 100, rows_per_shard: int = 32) -> dict[str, Any]:
    """The job of a store of some records of a store with this job."""
    subset = {"kind": "subset", "of": {"dataset_id": "0" * 64, "job": of}}
    return make_job(rows, rows_per_shard) | {"arch": of["arch"]} | subset


def make_records(rows: range, spec: FieldSpec = SPEC) -> Records:
    """Records of these rows: object = row // 3, split by object, weights scattered over [-0.5, 0.5)."""
    record_id = np.arange(rows.start, rows.stop, dtype=np.uint64)
    object_id = record_id // VIEWS
    columns = {
        "record_id": record_id,
        "object_id": object_id,
        "view": record_id % VIEWS,
        "seed": scatter(record_id) << np.uint64(11),
        "label": object_id.astype(np.int64) % 11 - 1,
        "split": object_id % 3,
        "psnr": 35 + (record_id % 160) / 8,
        "loss": (1 + record_id % 64) / 2.0**20,
        "steps": 500 + record_id,
        "status": np.where(record_id % 16 == 5, Status.diverged, Status.budget),
    }
    cells = record_id[:, None] * np.uint64(spec.parameters) + np.arange(spec.parameters, dtype=np.uint64)
    weights = (scatter(cells) >> np.uint64(29)) / 2.0**24 - 0.5
    typed = {name: np.asarray(column).astype(COLUMNS[name]) for name, column in columns.items()}
    return Records(spec, weights.astype(np.float32), typed)


def make_copies(rows: range, spec: FieldSpec = SPEC, parents: int = PARENT_ROWS) -> Records:
    """Copies of the first ``parents`` records of `make_records`, two each: 2 p of p, 2 p + 1 of p and p + 9.

    Record p + 9 is of another object of the same split; where there is none, the copy is of p alone.
    """
    base = make_records(rows, spec)
    record_id = base.columns["record_id"]
    parent = record_id // 2
    mixed = (record_id % 2 == 1) & (parent + 9 < parents)
    label, other = (((parent + step) // VIEWS).astype(np.int64) % 11 - 1 for step in (0, 9))
    classes = np.stack([label, np.where(mixed, other, NO_LABEL)], axis=1)
    shares = np.where(classes == NO_LABEL, 0, np.where(mixed[:, None], [0.25, 0.75], [0.9375, 0]))
    columns = dict(base.columns) | {
        "object_id": parent // VIEWS,
        "view": parent % VIEWS * 2 + record_id % 2,
        "split": parent // VIEWS % len(Split),
        "label": classes[np.arange(len(base)), shares.argmax(axis=1)],
        "parent_a": parent,
        "parent_b": np.where(mixed, parent + 9, NO_PARENT),
        "pipeline": mixed,
        "in_domain": 1 - record_id % 32 / 64,
        "psnr_before": base.columns["psnr"] - 8 * mixed,
        "classes": classes,
        "shares": shares,
        "params": np.stack([parent % 8 / 8, 1 - parent % 8 / 8, record_id % 5], axis=1),
    }
    types = {**COLUMNS, **AUGMENTED_COLUMNS}
    typed = {name: np.asarray(column).astype(types[name]) for name, column in columns.items()}
    return Records(spec, base.weights, typed)


def make_shapes(rows: range, spec: FieldSpec = SPEC) -> Records:
    """The records of `make_records` as fields of shapes; every third object is without inside."""
    base = make_records(rows, spec)
    record_id, object_id = (base.columns[name].astype(np.int64) for name in ("record_id", "object_id"))
    target = object_id % len(ShapeTarget)
    columns = dict(base.columns) | {
        "iou": np.where(target == ShapeTarget.udf, NO_IOU, 1 - record_id % 32 / 64),
        "surface_error": (1 + record_id % 50) / 2.0**14,
        "sign_disagreement": object_id % 8 / 64,
        "target": target,
        "repairs": object_id[:, None] * np.arange(REPAIRS),
    }
    types = {**COLUMNS, **SHAPE_COLUMNS}
    typed = {name: np.asarray(column).astype(types[name]) for name, column in columns.items()}
    return Records(spec, base.weights, typed)


def make_imported(rows: range, spec: FieldSpec = SPEC) -> Records:
    """The records of `make_records` as imported fields; every fifth one has a PSNR, every tenth a loss."""
    base = make_records(rows, spec)
    record_id = base.columns["record_id"]
    columns = dict(base.columns) | {
        "seed": np.zeros(len(base)),
        "psnr": np.where(record_id % 5 == 2, base.columns["psnr"], np.nan),
        "loss": np.where(record_id % 10 == 2, base.columns["loss"], np.nan),
        "steps": np.zeros(len(base)),
        "status": np.where(record_id % 16 == 5, Status.diverged, Status.unknown),
        "attributes": np.stack([record_id % 8 / 8, record_id % 5 - 2.0], axis=1),
    }
    types = {**COLUMNS, **IMPORTED_COLUMNS}
    typed = {name: np.asarray(column).astype(types[name]) for name, column in columns.items()}
    return Records(spec, base.weights, typed)


def scatter(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """53 well-mixed bits of each number (Fibonacci hashing, twice)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return (mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(11)


def fill(writer: StoreWriter) -> str:
    """Commit what is missing and finalize; returns the dataset id."""
    for shard in writer.missing():
        writer.commit(shard, make_rows(_content_of(writer.job), writer.row_range(shard)))
    return writer.finalize()


def commit(writer: StoreWriter, *shards: int) -> None:
    """Write these shards of a store of `make_records`."""
    for shard in shards:
        writer.commit(shard, make_records(writer.row_range(shard)))


def make_store(root: Path, **job: Any) -> Store:
    fill(StoreWriter(root, make_job(**job)))
    return open_store(root)


def make_job_of(content: str, **more: Any) -> dict[str, Any]:
    """A job of any of `CONTENTS`, for tests that hold for all."""
    makers = {
        "fitted": make_job,
        "copies": make_copies_job,
        "shapes": make_shapes_job,
        "imported": make_imported_job,
    }
    return makers[content](**more)


def make_rows(content: str, rows: range) -> Records:
    """What belongs into these rows of a store that holds this."""
    makers = {
        "fitted": make_records,
        "copies": make_copies,
        "shapes": make_shapes,
        "imported": make_imported,
    }
    return makers[content](rows)


def _content_of(job: Mapping[str, Any]) -> str:
    while job["kind"] == "subset":
        job = job["of"]["job"]
    if job["kind"] != "generate":
        return {"augment": "copies", "import": "imported"}[job["kind"]]
    return "shapes" if "columns" in job else "fitted"


def make_copies_store(root: Path, **job: Any) -> Store:
    """A finished store of augmented copies."""
    fill(StoreWriter(root, make_copies_job(**job)))
    return open_store(root)


def make_shapes_store(root: Path, **job: Any) -> Store:
    """A finished store of fitted shapes."""
    fill(StoreWriter(root, make_shapes_job(**job)))
    return open_store(root)


def make_imported_store(root: Path, **job: Any) -> Store:
    """A finished store of imported fields."""
    fill(StoreWriter(root, make_imported_job(**job)))
    return open_store(root)


def make_subset(root: Path, of: Mapping[str, Any], rows: int = 64) -> Store:
    """A finished store of the first records of a store with this job."""
    fill(StoreWriter(root, make_subset_job(of, rows)))
    return open_store(root)


def copy_store(source: Path, target: Path) -> Path:
    """A writable copy; hard links would share what a test damages."""
    shutil.copytree(source, target)
    return target


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def leftovers(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob(".*"))


def forge(honest: Store, root: Path, **columns: ArrayLike) -> Store:
    """A store whose hashes are right, and some of whose columns hold what a writer of ours refuses."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("finished", "examine"):
            patched.setattr(f"neuralviews.store.{module}.record_problems", lambda *records: iter(()))
        patched.setattr("neuralviews.store.totals.Totals.problems", lambda totals: iter(()))
        writer = StoreWriter(root, honest.job)
        for shard in writer.missing():
            records = honest.read(np.array(writer.row_range(shard)))
            put = {name: np.full_like(records.columns[name], value) for name, value in columns.items()}
            writer.commit(shard, dataclasses.replace(records, columns={**records.columns, **put}))
        writer.finalize()
    return open_store(root)


ALL = make_records(range(100))
"""What a store of `make_job` holds."""
