"""The structures of manifest and receipts, as frozen types; ``docs/format.md`` explains every key."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

__all__ = [
    "Count",
    "Digest",
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
]

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
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

    ``psnr`` is left out where none is known, ``shadow_psnr`` where fields have no shadow, ``shapes`` where no
    shapes were fitted.
    """

    splits: dict[str, SplitSummary]
    status: dict[str, Count]
    psnr: PsnrSummary | UnsetType = UNSET
    shadow_psnr: PsnrSummary | UnsetType = UNSET
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
