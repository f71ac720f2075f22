"""The job of an imported store: everything that decides its bytes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError, SourceError
from ..signals.images import shared_shape
from ..store.job import differences
from ..store.schema import FORMAT_VERSION, JOB_FILE, STORE_FORMAT
from ..store.writer import read_job
from ..work.sizes import rows_per_shard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compare import Comparison
    from .convention import Convention
    from .opened import Opened
    from .survey import Survey

__all__ = ["IMPORTER", "plan_import", "require_begun"]

IMPORTER = 1
"""Raised whenever the same files, read in the same way, would give other bytes than before."""

_ROWS_WORTH_A_SHARD = 1024
"""Reading so many fields takes some tenths of a second; publishing a shard takes several milliseconds."""


def plan_import(
    opened: "Opened",
    found: "Survey",
    rows: "NDArray[np.int64]",
    convention: "Convention",
    comparison: "Comparison | None",
    *,
    name: str,
    published: str | None,
) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores.

    Args:
        rows: of the listing, those that are imported.
        comparison: with what they were compared; None if with nothing.
    Raises:
        SourceError: a label is none of the classes that have names.
    """
    listing = opened.listing
    spec = convention.spec(found.dims)
    attributes = list(listing.attributes)
    target: dict[str, Any] = {"range": [float(end) for end in convention.target_range or ()]}
    if convention.mean is not None and convention.std is not None:
        target |= {"mean": list(map(float, convention.mean)), "std": list(map(float, convention.std))}
    shape = listing.image_shape
    names = listing.class_names
    if comparison is not None:
        shape = shared_shape(comparison.source, np.unique(listing.object_id[rows]))
        names = comparison.source.class_names or names
    _require_named(opened, found.label[rows], names)
    row_bytes = 4 * (spec.parameters + len(attributes))
    return {
        "format": STORE_FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": "import",
        "importer": IMPORTER,
        "name": name,
        "exchange": opened.format,
        "published": published,
        "convention": {"dims": "files", **convention.stated()},
        "target": target,
        "quality": _quality(opened, comparison),
        "known": sorted(_known(opened, found, comparison)),
        "rows": len(rows),
        "rows_per_shard": rows_per_shard(row_bytes, len(rows), _ROWS_WORTH_A_SHARD),
        "arch": spec.to_json(),
        **({"columns": {"attributes": len(attributes)}, "attributes": attributes} if attributes else {}),
        "source": {
            "sha256": found.sha256,
            "splits": opened.splits,
            "fields": len(listing),
            "class_names": None if names is None else list(names),
            "image_shape": None if shape is None else list(shape),
            "left_out": dict(sorted(found.left_out.items())),
        },
        "compared": None
        if comparison is None
        else {"recipe": comparison.recipe.canonical(), "files": dict(comparison.source.files)},
    }


def require_begun(root: Path, opened: "Opened", name: str, published: str | None) -> None:
    """Refuse a folder of another job where that shows before any field is read; the whole job tells the rest.

    Raises:
        OutputError: says where they differ.
        FormatError: its job cannot be read.
    """
    if not os.path.lexists(root / JOB_FILE):
        return
    found = read_job(root)
    told = {"kind": "import", "exchange": opened.format, "name": name, "published": published}
    begun = {key: found.get(key) for key in told} if isinstance(found, dict) else found
    for difference in differences(begun, told):
        raise OutputError(f"{root}: belongs to another job ({difference}); choose another folder")


def _require_named(opened: "Opened", label: "NDArray[np.int32]", names: "tuple[str, ...] | None") -> None:
    if names is not None and label.max() >= len(names):
        raise SourceError(
            f"{opened.files.describe()}: found label {label.max()}, expected one of the {len(names)} classes "
            "that have names: restore the files"
        )


def _quality(opened: "Opened", comparison: "Comparison | None") -> str:
    if comparison is not None:
        return "measured"
    return "unknown" if opened.listing.psnr is None else "stated"


def _known(opened: "Opened", found: "Survey", comparison: "Comparison | None") -> set[str]:
    listing = opened.listing
    known = {*listing.known} - {"label"}
    if (found.label >= 0).any():
        known.add("label")
    if listing.seed is not None:
        known.add("seed")
    if comparison is not None:
        known |= {"psnr", "loss"}
    elif listing.psnr is not None:
        known.add("psnr")
    return known
