"""Every name, type and limit of the store format, stated once. ``docs/format.md`` explains them."""

import re
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..records import AUGMENTED_COLUMNS, COLUMNS, IMPORTED_COLUMNS, SHADOW_COLUMNS, SHAPE_COLUMNS, Status

__all__ = [
    "ALIGNMENT",
    "AUGMENT",
    "ENVIRONMENT_FILE",
    "FORMAT",
    "FORMAT_VERSION",
    "GROUPS",
    "IMPORT",
    "JOB_FILE",
    "KINDS",
    "MANIFEST_FILE",
    "MAX_ARCH_BYTES",
    "MAX_ATTRIBUTES",
    "MAX_CLASSES",
    "MAX_JOB_BYTES",
    "MAX_JSON_BYTES",
    "MAX_LABEL",
    "MAX_PARAMS",
    "MAX_PIPELINES",
    "MAX_ROWS",
    "MAX_SHARDS",
    "QUARANTINE_PREFIX",
    "SHARD_FOLDER",
    "STORE_FORMAT",
    "SUBSET",
    "SUMS_FILE",
    "TEMP_PREFIX",
    "WEIGHTS",
    "attributes",
    "column_path",
    "groups_of",
    "receipt_name",
    "require_little_endian",
    "shard_name",
    "shard_number",
    "statuses",
]

FORMAT = "neuralviews-shard"
STORE_FORMAT = "neuralviews-store"
FORMAT_VERSION = 1
AUGMENT = "augment"
IMPORT = "import"
SUBSET = "subset"
KINDS = ("generate", AUGMENT, IMPORT, SUBSET)
"""What kinds of stores there are; others may have other datasets, so they are refused."""

JOB_FILE = "job.json"
MANIFEST_FILE = "manifest.json"
SUMS_FILE = "SHA256SUMS"
ENVIRONMENT_FILE = "environment.json"
SHARD_FOLDER = "shards"
TEMP_PREFIX = ".tmp-"
QUARANTINE_PREFIX = ".quarantine-"

WEIGHTS = "weights"
GROUPS: Mapping[str, Mapping[str, np.dtype[Any]]] = MappingProxyType(
    {
        "meta": COLUMNS,
        "aug": AUGMENTED_COLUMNS,
        "shape": SHAPE_COLUMNS,
        "shadow": SHADOW_COLUMNS,
        "import": IMPORTED_COLUMNS,
    }
)
"""Name of each HDF5 group -> the columns that lie in it; no two have a column of the same name."""
ALIGNMENT = 4096
"""Datasets of at least this many bytes start at a multiple of it."""

MAX_ARCH_BYTES = 60_000
"""HDF5 keeps an attribute of this length in the header of its object, and refuses one above 64 KiB."""
MAX_ROWS = 1 << 48
MAX_CLASSES = 1 << 12
MAX_LABEL = (1 << 20) - 1
"""Classes are numbered from 0, and training lists the shares of all of them."""
MAX_PARAMS = 1 << 20
MAX_ATTRIBUTES = 1 << 12
MAX_PIPELINES = 1 << 16
"""The column `pipeline` has 16 bits."""
MAX_SHARDS = 50_000
"""So many maps a process may hold on Linux (vm.max_map_count is 65,530), and their manifest stays small."""
MAX_JSON_BYTES = 1 << 28
MAX_JOB_BYTES = MAX_JSON_BYTES // 2
"""The manifest repeats the job; its other half is room for the shards."""

_SHARD_NAME = re.compile(r"shards/shard-([0-9]{6})\.h5")


def shard_name(shard: int) -> str:
    """Path of a shard below the store's root, with ``/``."""
    return f"{SHARD_FOLDER}/shard-{shard:06d}.h5"


def receipt_name(shard: int) -> str:
    """Path of a shard's receipt below the store's root."""
    return shard_name(shard) + ".json"


def shard_number(name: str) -> int | None:
    """The inverse of `shard_name`; None for any other name."""
    found = _SHARD_NAME.fullmatch(name)
    return int(found[1]) if found else None


def column_path(column: str) -> str:
    """HDF5 path of a column."""
    return f"{next(group for group, columns in GROUPS.items() if column in columns)}/{column}"


def groups_of(paths: Iterable[str]) -> list[str]:
    """Names of the groups that datasets with these HDF5 paths lie in, sorted; not the root."""
    return sorted({path.rpartition("/")[0] for path in paths} - {""})


def statuses(kind: str) -> tuple[Status, ...]:
    """What a record of this kind may have for a status."""
    return tuple(status for status in Status if kind == IMPORT or status is not Status.unknown)


def attributes(job: str, arch: bytes, shard: int, row_start: int) -> dict[str, NDArray[Any]]:
    """Attributes of a shard's root group as scalar arrays, in the order in which they are written.

    Args:
        job: sha256 of job.json.
        arch: canonical JSON of the FieldSpec.
        shard, row_start: number of the shard, and the record_id of its first row.
    """
    return {
        "arch": np.array(arch, f"S{len(arch)}"),
        "format": np.array(FORMAT.encode()),
        "format_version": np.array(FORMAT_VERSION, "<u4"),
        "job": np.array(job.encode()),
        "row_start": np.array(row_start, "<u8"),
        "shard": np.array(shard, "<u4"),
    }


def require_little_endian() -> None:
    """Refuse a big-endian host, whose memory would misread mapped files."""
    if sys.byteorder != "little":
        raise FormatError("this machine is big-endian; stores are little-endian and mapped as they are")
