"""Hostile shards of any contents: other weights, and other trees, with the reasons of the refusals."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from .hostile import (
    ZEROS,
    Change,
    attribute,
    column,
    compact,
    contiguous,
    cycle,
    dataset,
    deep,
    extra,
    many_attributes,
    many_links,
    named_type,
    shared,
    type_as_object,
    unallocated,
    virtual,
    virtual_unlimited,
)

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
