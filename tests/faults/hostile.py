"""Shards that no writer of ours makes: each reaches outside itself, lies about its size, or misuses HDF5.

Every maker writes a file at ``path``; ``victim`` is an HDF5 file outside the store that it may point to.
"""

import os
from collections.abc import Callable, Mapping
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


ZEROS = np.zeros((40, 44), "<f4")
BEFORE: Mapping[str, tuple[Change, str]] = {
    "external storage": (lambda f, v: contiguous(f, "weights", ZEROS, v), "another file|not contiguous"),
    "relative external storage": (
        lambda f, v: contiguous(f, "weights", ZEROS, Path("..") / v.parent.name / v.name),
        "another file|not contiguous",
    ),
    "external link": (
        lambda f, v: f.__setitem__("weights", h5py.ExternalLink(v, "/weights")),
        "link to elsewhere",
    ),
    "soft link": (lambda f, v: f.__setitem__("weights", h5py.SoftLink("/meta/psnr")), "link to elsewhere"),
    "dangling soft link": (
        lambda f, v: f.__setitem__("weights", h5py.SoftLink("/none")),
        "link to elsewhere",
    ),
    "virtual dataset": (virtual, "not contiguous"),
    "virtual dataset of unknown shape": (virtual_unlimited, "not contiguous"),
    "chunks": (dataset(data=ZEROS, chunks=(8, 44)), "not contiguous"),
    "gzip bomb": (
        dataset(shape=(1 << 20, 1185), dtype="<f4", chunks=(1 << 16, 1185), compression="gzip"),
        "not contiguous",
    ),
    "shape bomb": (dataset(shape=(1 << 34, 1185), dtype="<f4", chunks=(1024, 1185)), "not contiguous"),
    "compact": (compact, "not contiguous"),
    "unallocated shape bomb": (unallocated(1 << 40, 44), "has the shape"),
    "unallocated": (unallocated(40, 44), "no storage"),
    "too few rows": (lambda f, v: contiguous(f, "weights", ZEROS[:39]), "has the shape"),
    "one dimension": (lambda f, v: contiguous(f, "weights", ZEROS.ravel()), "has the shape"),
    "float64": (lambda f, v: contiguous(f, "weights", ZEROS.astype("<f8")), "another type than <f4"),
    "big-endian": (lambda f, v: contiguous(f, "weights", ZEROS.astype(">f4")), "another type than <f4"),
    "integers": (lambda f, v: contiguous(f, "weights", ZEROS.astype("<i4")), "another type than <f4"),
    "compound": (lambda f, v: contiguous(f, "weights", np.zeros((40, 44), [("a", "<f4")])), "another type"),
    "strings": (
        dataset(data=["a"] * 40, dtype=h5py.string_dtype()),
        "another type|not contiguous|has the shape",
    ),
    "references": (dataset(shape=(40, 44), dtype=h5py.ref_dtype), "another type"),
    "a group": (lambda f, v: f.create_group("weights") and None, "weights is not a dataset"),
    "deep nesting": (deep, "weights is not a dataset"),
    "typed by name": (named_type, "another type"),
    "a named type": (type_as_object, "weights is not a dataset"),
    "nothing": (lambda f, v: None, "[12] links in /, expected [23]"),
}
"""Made without ``weights``, which the maker puts in; with the reason of the refusal."""

AFTER: Mapping[str, tuple[Change, str]] = {
    "a dataset more": (extra, "[34] links in /, expected [23]"),
    "many links": (many_links, "300[23] links in /"),
    "a cycle": (cycle, "links in meta, expected 10"),
    "a column under two names": (shared, "overlaps"),
    "a column less": (column("loss", None), "9 links in meta"),
    "a wrong column type": (column("loss", np.zeros(40, "<i4")), "meta/loss has another type than <f4"),
    "a wrong column length": (column("loss", np.zeros(41, "<f4")), "meta/loss has the shape"),
    "a column that is a link": (
        lambda f, v: (
            column("loss", None)(f, v),
            f.__setitem__("meta/loss", h5py.ExternalLink(v, "/weights")),
        )[0],
        "loss in meta is a link to elsewhere",
    ),
    "many attributes": (many_attributes, "300 attributes on weights, expected 0"),
    "an attribute more": (lambda f, v: f.attrs.create("more", 1), "7 attributes on /, expected 6"),
    "an attribute less": (attribute("arch", None), "5 attributes on /"),
    "an attribute on a group": (lambda f, v: f["meta"].attrs.create("a", 1), "1 attributes on meta"),
    "another format": (attribute("format", np.bytes_(b"neuralviews-other")), "attribute format is"),
    "another job": (attribute("job", np.bytes_(b"0" * 64)), "attribute job is"),
    "another shard": (attribute("shard", np.uint32(1)), "attribute shard is 1, expected 0"),
    "another row": (attribute("row_start", np.uint64(40)), "attribute row_start is 40, expected 0"),
    "a version of another type": (
        attribute("format_version", np.uint64(1)),
        "format_version has another type",
    ),
    "a long string": (attribute("job", np.bytes_(b"0" * 60_000)), "attribute job has another type or length"),
    "a variable string": (attribute("job", "0" * 64), "attribute job has another type or length"),
    "an array attribute": (attribute("shard", np.zeros(1000, np.uint32)), "attribute shard is not a scalar"),
}
"""Made whole, then changed."""


def replaced(path: str, make: Change) -> Change:
    """Something else in the place of an object."""

    def change(file: h5py.File, victim: Path) -> None:
        del file[path]
        make(file, victim)

    return change


def moved(source: str, target: str) -> Change:
    return lambda file, victim: file.move(source, target)


COPIES: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("aug", lambda f, v: None), "2 links in /, expected 3"),
    "a group more": (lambda f, v: f.create_group("aug2") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("aug", "auk"), "no aug in /"),
    "a dataset for the group": (
        replaced("aug", lambda f, v: contiguous(f, "aug", np.zeros(8, "<f4"))),
        "aug is not a group",
    ),
    "a link for the group": (
        replaced("aug", lambda f, v: f.__setitem__("aug", h5py.ExternalLink(v, "/"))),
        "aug in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("aug", lambda f, v: f.__setitem__("aug", f["meta"])),
        "10 links in aug, expected 8",
    ),
    "an attribute on the group": (lambda f, v: f["aug"].attrs.create("a", 1), "1 attributes on aug"),
    "an attribute on a column": (
        lambda f, v: f["aug/params"].attrs.create("a", 1),
        "attributes on aug/params",
    ),
    "a column more": (lambda f, v: contiguous(f, "aug/more", ZEROS), "9 links in aug, expected 8"),
    "a column less": (column("shares", None), "7 links in aug, expected 8"),
    "a column in the other group": (moved("aug/params", "meta/params"), "7 links in aug, expected 8"),
    "columns exchanged": (
        lambda f, v: (
            f.move("aug/classes", "aug/x"),
            f.move("aug/shares", "aug/classes"),
            f.move("aug/x", "aug/shares"),
        )[0],
        "aug/classes has another type than <i4",
    ),
    "another type": (column("shares", np.zeros((40, 2), "<f8")), "aug/shares has another type than <f4"),
    "signed parents": (column("parent_a", np.zeros(40, "<i8")), "aug/parent_a has another type than <u8"),
    "too wide": (column("params", np.zeros((40, 4), "<f4")), "aug/params has the shape"),
    "too narrow": (column("classes", np.zeros((40, 1), "<i4")), "aug/classes has the shape"),
    "too flat": (column("shares", np.zeros(80, "<f4")), "aug/shares has the shape"),
    "too deep": (column("parent_b", np.zeros((40, 1), "<u8")), "aug/parent_b has the shape"),
    "too short": (column("pipeline", np.zeros(39, "<u2")), "aug/pipeline has the shape"),
    "turned round": (column("params", np.zeros((3, 40), "<f4")), "aug/params has the shape"),
    "a column under two names": (
        replaced("aug/in_domain", lambda f, v: f.__setitem__("aug/in_domain", f["aug/psnr_before"])),
        "overlaps",
    ),
    "a column that is a link": (
        replaced("aug/params", lambda f, v: f.__setitem__("aug/params", h5py.ExternalLink(v, "/weights"))),
        "params in aug is a link to elsewhere",
    ),
    "a column in another file": (
        replaced("aug/params", lambda f, v: contiguous(f, "aug/params", np.zeros((40, 3), "<f4"), v)),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "aug/params",
            lambda f, v: (
                f.create_dataset("aug/params", data=np.zeros((40, 3), "<f4"), chunks=(8, 3)) and None
            ),
        ),
        "aug/params is not contiguous",
    ),
}
"""Shards of augmented copies, made whole, then changed."""

SHAPES: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("shape", lambda f, v: None), "2 links in /, expected 3"),
    "a group of copies more": (lambda f, v: f.create_group("aug") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("shape", "shapes"), "no shape in /"),
    "a link for the group": (
        replaced("shape", lambda f, v: f.__setitem__("shape", h5py.ExternalLink(v, "/"))),
        "shape in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("shape", lambda f, v: f.__setitem__("shape", f["meta"])),
        "10 links in shape, expected 5",
    ),
    "an attribute on the group": (lambda f, v: f["shape"].attrs.create("a", 1), "1 attributes on shape"),
    "a column more": (lambda f, v: contiguous(f, "shape/more", ZEROS), "6 links in shape, expected 5"),
    "a column less": (column("iou", None), "4 links in shape, expected 5"),
    "a column of another name": (moved("shape/iou", "shape/chamfer"), "no iou in shape"),
    "a column in the other group": (moved("shape/target", "meta/target"), "11 links in meta, expected 10"),
    "another type": (column("iou", np.zeros(40, "<f8")), "shape/iou has another type than <f4"),
    "signed repairs": (
        column("repairs", np.zeros((40, 5), "<i4")),
        "shape/repairs has another type than <u4",
    ),
    "signed targets": (column("target", np.zeros(40, "i1")), "shape/target has another type than \\|u1"),
    "too wide": (column("repairs", np.zeros((40, 6), "<u4")), "shape/repairs has the shape"),
    "too narrow": (column("repairs", np.zeros((40, 4), "<u4")), "shape/repairs has the shape"),
    "too flat": (column("repairs", np.zeros(200, "<u4")), "shape/repairs has the shape"),
    "too deep": (column("iou", np.zeros((40, 1), "<f4")), "shape/iou has the shape"),
    "too short": (column("sign_disagreement", np.zeros(39, "<f4")), "shape/sign_disagreement has the shape"),
    "a column under two names": (
        replaced("shape/iou", lambda f, v: f.__setitem__("shape/iou", f["shape/surface_error"])),
        "overlaps",
    ),
    "a column that is a link": (
        replaced("shape/iou", lambda f, v: f.__setitem__("shape/iou", h5py.ExternalLink(v, "/weights"))),
        "iou in shape is a link to elsewhere",
    ),
    "a column in another file": (
        replaced("shape/iou", lambda f, v: contiguous(f, "shape/iou", np.zeros(40, "<f4"), v)),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "shape/repairs",
            lambda f, v: (
                f.create_dataset("shape/repairs", data=np.zeros((40, 5), "<u4"), chunks=(8, 5)) and None
            ),
        ),
        "shape/repairs is not contiguous",
    ),
}
"""Shards of fitted shapes, made whole, then changed."""

IMPORTED: Mapping[str, tuple[Change, str]] = {
    "no group": (replaced("import", lambda f, v: None), "2 links in /, expected 3"),
    "a group of shapes more": (lambda f, v: f.create_group("shape") and None, "4 links in /, expected 3"),
    "a group of another name": (moved("import", "imported"), "no import in /"),
    "a dataset for the group": (
        replaced("import", lambda f, v: contiguous(f, "import", np.zeros(8, "<f4"))),
        "import is not a group",
    ),
    "a link for the group": (
        replaced("import", lambda f, v: f.__setitem__("import", h5py.ExternalLink(v, "/"))),
        "import in / is a link to elsewhere",
    ),
    "one group under two names": (
        replaced("import", lambda f, v: f.__setitem__("import", f["meta"])),
        "10 links in import, expected 1",
    ),
    "an attribute on the group": (lambda f, v: f["import"].attrs.create("a", 1), "1 attributes on import"),
    "an attribute on the column": (
        lambda f, v: f["import/attributes"].attrs.create("a", 1),
        "attributes on import/attributes",
    ),
    "a column more": (lambda f, v: contiguous(f, "import/more", ZEROS), "2 links in import, expected 1"),
    "a column less": (column("attributes", None), "0 links in import, expected 1"),
    "a column of another name": (moved("import/attributes", "import/more"), "no attributes in import"),
    "a column in the other group": (moved("import/attributes", "meta/attributes"), "links in meta|in import"),
    "another type": (
        column("attributes", np.zeros((40, 2), "<f8")),
        "import/attributes has another type than <f4",
    ),
    "too wide": (column("attributes", np.zeros((40, 3), "<f4")), "import/attributes has the shape"),
    "too narrow": (column("attributes", np.zeros((40, 1), "<f4")), "import/attributes has the shape"),
    "too flat": (column("attributes", np.zeros(80, "<f4")), "import/attributes has the shape"),
    "too short": (column("attributes", np.zeros((39, 2), "<f4")), "import/attributes has the shape"),
    "a column that is another one": (
        replaced("import/attributes", lambda f, v: f.__setitem__("import/attributes", f["meta/psnr"])),
        "import/attributes has the shape",
    ),
    "a column that is a link": (
        replaced(
            "import/attributes",
            lambda f, v: f.__setitem__("import/attributes", h5py.ExternalLink(v, "/weights")),
        ),
        "attributes in import is a link to elsewhere",
    ),
    "a column in another file": (
        replaced(
            "import/attributes",
            lambda f, v: contiguous(f, "import/attributes", np.zeros((40, 2), "<f4"), v),
        ),
        "another file|not contiguous",
    ),
    "a column in chunks": (
        replaced(
            "import/attributes",
            lambda f, v: (
                f.create_dataset("import/attributes", data=np.zeros((40, 2), "<f4"), chunks=(8, 2)) and None
            ),
        ),
        "import/attributes is not contiguous",
    ),
}
"""Shards of imported records with attributes, made whole, then changed."""
