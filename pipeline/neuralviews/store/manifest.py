"""The manifest: the root of trust of a finished store, and the receipts and sums that follow from it."""

import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from ..errors import FormatError
from ..records import ShapeTarget, Split
from .canonical import canonical_json, parse_canonical, sha256_hex
from .job import Job, require_version
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
    "ErrorSummary",
    "Extent",
    "IouSummary",
    "Manifest",
    "PsnrSummary",
    "Receipt",
    "ShapeSummary",
    "ShardEntry",
    "SplitSummary",
    "Summary",
    "checksums",
    "encode",
    "extent_problem",
    "new_manifest",
    "parse_manifest",
    "parse_receipt",
    "receipt_of",
]

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Kind = TypeVar("_Kind")
Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Extent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a dataset lies in its file: byte offset, NumPy type string, shape."""

    offset: Count
    dtype: str
    shape: tuple[Count, ...]


class ShardEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shard: its file, and where each of its datasets lies."""

    file: str
    bytes: Count
    sha256: Digest
    row_start: Count
    rows: Count
    splits: dict[str, Count]
    datasets: dict[str, Extent]


class SplitSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many records and objects a split has."""

    records: Count
    objects: Count


class PsnrSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order statistics of the PSNR over all records that have one, dB; each is the PSNR of some record."""

    median: float
    p05: float
    min: float


class IouSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order statistics of the volumetric IoU over the records that have one; each is that of some record."""

    median: float
    p05: float
    min: float


class ErrorSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order statistics of the error near the surface over all records; each is that of some record."""

    median: float
    p95: float
    max: float


class ShapeSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How true fields of shapes are; ``targets`` and ``marked`` count objects.

    ``iou`` is left out where no record has one.
    """

    surface_error: ErrorSummary
    targets: dict[str, Count]
    marked: Count
    iou: IouSummary | UnsetType = UNSET


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be said of the store without opening a shard; follows from the shards exactly.

    ``psnr`` is left out where none is known, ``shapes`` where no shapes were fitted.
    """

    splits: dict[str, SplitSummary]
    status: dict[str, Count]
    psnr: PsnrSummary | UnsetType = UNSET
    shapes: ShapeSummary | UnsetType = UNSET


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """manifest.json of a finished store.

    Attributes:
        job: the whole content of job.json, which says where the records come from.
    """

    format: str
    format_version: int
    job: dict[str, Any]
    shards: tuple[ShardEntry, ...]
    summary: Summary


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The commit mark of a shard; ``job`` is the sha256 of job.json."""

    file: str
    bytes: Count
    sha256: Digest
    rows: Count
    job: Digest


def encode(value: msgspec.Struct) -> bytes:
    """Canonical JSON of one of the structures above."""
    return canonical_json(msgspec.to_builtins(value))


def parse_receipt(data: bytes, name: str | Path) -> Receipt:
    """Read a receipt; anything else is a FormatError."""
    return _convert(parse_canonical(data, name), Receipt, name)


def parse_manifest(data: bytes, name: str | Path) -> tuple[Manifest, Job]:
    """Read a manifest and check everything that can be checked without another file.

    Raises:
        FormatError: written by a newer version; a key is missing, unknown or of the wrong type; shards do
            not follow from the job; an extent leaves its file, overlaps another or is not aligned.
    """
    value = require_version(parse_canonical(data, name), name)
    manifest = _convert(value, Manifest, name)
    job = Job.parse(manifest.job, f"{name}: job")
    if len(manifest.shards) != job.shard_count:
        raise FormatError(
            f"{name}: found {len(manifest.shards)} shards, expected {job.shard_count} from its job"
        )
    for shard, entry in enumerate(manifest.shards):
        problem = _problem(entry, shard, job)
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
