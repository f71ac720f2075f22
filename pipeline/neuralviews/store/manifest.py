"""The manifest: the root of trust of a finished store, and the receipts and sums that follow from it."""

import math
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import UNSET

from ..errors import FormatError
from ..records import ShapeTarget, Split
from .canonical import canonical_json, parse_canonical, sha256_hex
from .job import Job, require_version
from .manifest_schema import (
    Extent,
    Manifest,
    Receipt,
    ShapeSummary,
    ShardEntry,
    Summary,
)
from .manifest_text import quick_manifest, spelt_manifest
from .schema import (
    ALIGNMENT,
    FORMAT_VERSION,
    IMPORT,
    JOB_FILE,
    MANIFEST_FILE,
    STORE_FORMAT,
    receipt_name,
    shard_name,
    statuses,
)

__all__ = [
    "checksums",
    "encode",
    "extent_problem",
    "new_manifest",
    "parse_manifest",
    "parse_receipt",
    "receipt_of",
]

_Kind = TypeVar("_Kind")


def encode(value: msgspec.Struct) -> bytes:
    """Canonical JSON of a manifest or a receipt."""
    return (
        spelt_manifest(value) if isinstance(value, Manifest) else canonical_json(msgspec.to_builtins(value))
    )


def parse_receipt(data: bytes, name: str | Path) -> Receipt:
    """Read a receipt; anything else is a FormatError."""
    return _convert(parse_canonical(data, name), Receipt, name)


def parse_manifest(data: bytes, name: str | Path) -> tuple[Manifest, Job]:
    """Read a manifest and check everything that can be checked without another file.

    Raises:
        FormatError: written by a newer version; a key is missing, unknown or of the wrong type; shards do
            not follow from the job; an extent leaves its file, overlaps another or is not aligned.
    """
    manifest = quick_manifest(data)
    if manifest is None:  # its text is unusual or wrong: the slow way says what is wrong
        manifest = _convert(require_version(parse_canonical(data, name), name), Manifest, name)
    require_version({"format": manifest.format, "format_version": manifest.format_version}, name)
    job = Job.parse(manifest.job, f"{name}: job")
    if len(manifest.shards) != job.shard_count:
        raise FormatError(
            f"{name}: found {len(manifest.shards)} shards, expected {job.shard_count} from its job"
        )
    sound: set[tuple[int, int, int]] = set()
    for shard, entry in enumerate(manifest.shards):
        problem = _problem(entry, shard, job)
        place = (id(entry.datasets), entry.rows, entry.bytes)  # alike in nearly all shards
        if problem is None and place not in sound:
            problem = _extents_problem(entry, job)
            sound.add(place)
        if problem:
            raise FormatError(f"{name}: shard {shard}: {problem}; the manifest was edited, restore it")
    problem = _summary_problem(manifest.summary, job)
    if problem:
        raise FormatError(f"{name}: summary.{problem}")
    return manifest, job


def new_manifest(job: Job, shards: tuple[ShardEntry, ...], summary: Summary) -> Manifest:
    """The manifest that this version writes."""
    return Manifest(STORE_FORMAT, FORMAT_VERSION, dict(job.content), shards, summary)


def receipt_of(entry: ShardEntry, job: Job) -> bytes:
    """The receipt that goes with a shard of a manifest."""
    return encode(Receipt(entry.file, entry.bytes, entry.sha256, entry.rows, job.id))


def checksums(manifest: Manifest, job: Job, manifest_sha256: str) -> bytes:
    """The content of SHA256SUMS: one line for every file that ``sha256sum -c`` shall check."""
    lines = {JOB_FILE: job.id, MANIFEST_FILE: manifest_sha256}
    for shard, entry in enumerate(manifest.shards):
        lines[entry.file] = entry.sha256
        lines[receipt_name(shard)] = sha256_hex(receipt_of(entry, job))
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items())).encode()


def _convert(value: object, kind: type[_Kind], name: str | Path) -> _Kind:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise FormatError(f"{name}: {error}; the file was edited or damaged, restore it") from None


def _problem(entry: ShardEntry, shard: int, job: Job) -> str | None:
    """Why an entry cannot be that of this shard, or None."""
    rows = job.row_range(shard)
    expected = (shard_name(shard), rows.start, len(rows))
    if (entry.file, entry.row_start, entry.rows) != expected:
        return f"found file, row_start, rows {(entry.file, entry.row_start, entry.rows)}, expected {expected}"
    if set(entry.splits) != set(Split.__members__) or sum(entry.splits.values()) != entry.rows:
        return f"found splits {entry.splits}, expected {list(Split.__members__)} adding up to {entry.rows}"
    return None


def _extents_problem(entry: ShardEntry, job: Job) -> str | None:
    """Why the datasets of an entry cannot be those of a shard of so many rows and bytes, or None."""
    shapes, types = job.layout.shapes(entry.rows), job.layout.types()
    if set(entry.datasets) != set(types):
        return f"found datasets {sorted(entry.datasets)}, expected {list(types)}"
    for path, extent in entry.datasets.items():
        if (extent.dtype, extent.shape) != (types[path].str, shapes[path]):
            return f"{path}: found {extent.dtype} {extent.shape}, expected {types[path].str} {shapes[path]}"
    return extent_problem(entry.datasets, entry.bytes)


def _summary_problem(summary: Summary, job: Job) -> str | None:
    """Why a summary cannot be that of this job, or None."""
    shapes = summary.shapes
    if isinstance(shapes, ShapeSummary) != bool(job.layout.repairs):
        return f"shapes: expected {'one' if job.layout.repairs else 'none'}, as its job says"
    if (summary.shadow_psnr is not UNSET) != job.layout.shadow:
        return f"shadow_psnr: expected {'one' if job.layout.shadow else 'none'}, as its job says"
    if summary.psnr is UNSET and job.kind != IMPORT:
        return "psnr: missing, expected one, as the PSNR of fitted and of augmented records is known"
    counted = [
        ("splits", set(summary.splits), [*Split.__members__]),
        ("status", set(summary.status), [status.name for status in statuses(job.kind)]),
    ]
    if isinstance(shapes, ShapeSummary):
        counted.append(("shapes.targets", set(shapes.targets), [*ShapeTarget.__members__]))
    for key, found, names in counted:
        if found != set(names):
            return f"{key}: expected {names}"
    return None


def extent_problem(datasets: dict[str, Extent], size: int) -> str | None:
    """Why datasets cannot lie so in a file of this size, or None."""
    end, last = 0, "the file's start"
    for path, extent in sorted(datasets.items(), key=lambda item: item[1].offset):
        if extent.offset < end:
            return f"{path} overlaps {last}"
        length = math.prod(extent.shape) * np.dtype(extent.dtype).itemsize
        if length >= ALIGNMENT and extent.offset % ALIGNMENT:
            return f"{path} starts at byte {extent.offset}, expected a multiple of {ALIGNMENT}"
        end, last = extent.offset + length, path
    return f"{last} ends at byte {end} of {size}" if end > size else None
