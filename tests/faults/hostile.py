"""Makers of shards that no writer of ours makes.

Each reaches outside itself, lies about its size, or misuses HDF5. Every maker writes a file at ``path``;
``victim`` is an HDF5 file outside the store that it may point to.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from neuralviews.records import Records
from neuralviews.store.job import Job
from neuralviews.store.schema import column_path

Change = Callable[[h5py.File, Path], None]


def write_shard(
    path: Path,
    records: Records,
    job: Job,
    change: Change,
    victim: Path,
    *,
    weights: bool = True,
    **options: Any,
) -> None:
    """Write shard 0 of a job through h5py, with or without its weights, then change it."""
    options = {
        "libver": ("earliest", "v110"),
        "alignment_threshold": 4096,
        "alignment_interval": 4096,
        **options,
    }
    arrays = {column_path(name): column for name, column in records.columns.items()}
    if weights:
        arrays["weights"] = records.weights
    with h5py.File(path, "w", **options) as file:
        for name, value in job_attributes(job).items():
            file.attrs.create(name, value)
        for group in sorted({name.split("/")[0] for name in arrays if "/" in name}):
            file.create_group(group)
        for name, array in sorted(arrays.items()):
            contiguous(file, name, array)
        change(file, victim)


def job_attributes(job: Job) -> dict[str, Any]:
    return {
        "arch": np.bytes_(job.arch),
        "format": np.bytes_(b"neuralviews-shard"),
        "format_version": np.uint32(1),
        "job": np.bytes_(job.id.encode()),
        "row_start": np.uint64(0),
        "shard": np.uint32(0),
    }


def contiguous(file: h5py.File, name: str, array: np.ndarray[Any, Any], external: Path | None = None) -> None:
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_layout(h5d.CONTIGUOUS)
    plan.set_obj_track_times(False)
    if external is None:
        plan.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    else:
        plan.set_external(os.fsencode(external), 0, array.nbytes)
    kind, space = h5t.py_create(array.dtype, logical=True), h5s.create_simple(array.shape)
    dataset = h5d.create(file.id, name.encode(), kind, space, dcpl=plan)
    if external is None:
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array))


def virtual(file: h5py.File, victim: Path) -> None:
    layout = h5py.VirtualLayout((40, 44), "<f4")
    layout[:] = h5py.VirtualSource(victim, "weights", shape=(40, 44))
    file.create_virtual_dataset("weights", layout)


def virtual_unlimited(file: h5py.File, victim: Path) -> None:
    """Its shape follows from the other file, which HDF5 opens to find out."""
    space = h5s.create_simple((40, 44), (h5s.UNLIMITED, 44))
    space.select_hyperslab((0, 0), (1, 1), block=(h5s.UNLIMITED, 44))
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_virtual(space, os.fsencode(victim), b"weights", space)
    h5d.create(file.id, b"weights", h5t.IEEE_F32LE, space, dcpl=plan)


def compact(file: h5py.File, victim: Path) -> None:
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_layout(h5d.COMPACT)
    h5d.create(file.id, b"weights", h5t.IEEE_F32LE, h5s.create_simple((40, 44)), dcpl=plan)


def unallocated(*shape: int) -> Change:
    """A dataset that claims room which was never written."""
    return lambda file, victim: file.create_dataset("weights", shape, "<f4") and None


def named_type(file: h5py.File, victim: Path) -> None:
    file["meta/named"] = np.dtype("<f4")
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    kind = h5t.open(file.id, b"meta/named")
    h5d.create(file.id, b"weights", kind, h5s.create_simple((40, 44)), dcpl=plan)
    del file["meta/named"]


def type_as_object(file: h5py.File, victim: Path) -> None:
    file["weights"] = np.dtype("<f4")


def deep(file: h5py.File, victim: Path) -> None:
    group = file.create_group("weights")
    for _ in range(2000):
        group = group.create_group("g")


def many_attributes(file: h5py.File, victim: Path) -> None:
    for number in range(300):
        file["weights"].attrs.create(f"a{number}", np.zeros(100))


def many_links(file: h5py.File, victim: Path) -> None:
    for number in range(3000):
        file[f"link{number}"] = file["weights"]


def cycle(file: h5py.File, victim: Path) -> None:
    del file["meta"]
    file["meta"] = file["/"]


def shared(file: h5py.File, victim: Path) -> None:
    """One dataset under two names: both would be the same bytes."""
    del file["meta/loss"]
    file["meta/loss"] = file["meta/psnr"]


def attribute(name: str, value: Any) -> Change:
    def change(file: h5py.File, victim: Path) -> None:
        del file.attrs[name]
        if value is not None:
            file.attrs.create(name, value)

    return change


def dataset(**arguments: Any) -> Change:
    """Another dataset in the place of ``weights``."""
    return lambda file, victim: file.create_dataset("weights", **arguments) and None


def extra(file: h5py.File, victim: Path) -> None:
    contiguous(file, "extra", np.zeros(3, "<f4"))


def column(name: str, array: np.ndarray[Any, Any] | None) -> Change:
    """Another array in the place of a column, or none."""
    path = column_path(name)

    def change(file: h5py.File, victim: Path) -> None:
        del file[path]
        if array is not None:
            contiguous(file, path, array)

    return change


def replaced(path: str, make: Change) -> Change:
    """Something else in the place of an object."""

    def change(file: h5py.File, victim: Path) -> None:
        del file[path]
        make(file, victim)

    return change


def moved(source: str, target: str) -> Change:
    return lambda file, victim: file.move(source, target)


ZEROS = np.zeros((40, 44), "<f4")
