"""Is there room, and may we write? Asked before a run rather than found out by it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError
from .canonical import canonical_json
from .files import make_folder, output_errors, require_writable
from .image import image_bytes
from .job import Job
from .schema import ENVIRONMENT_FILE, JOB_FILE, SHARD_FOLDER

__all__ = [
    "beside",
    "check_space",
    "estimate_bytes",
    "free_bytes",
    "require_ours",
    "require_room",
    "shard_bytes",
    "unwritten_bytes",
]

_SHARD_TEXTS = 1500
"""Bytes at most of a shard's receipt and of its part of manifest and checksums, up to a TiB a shard."""
_AUGMENTED_TEXTS = 620
"""Bytes at most of what the manifest says of a shard's augmented columns."""
_SHAPE_TEXTS = 410
"""The same of the columns of fitted shapes."""
_SHADOW_TEXTS = 90
"""The same of the column of a shadow."""
_STORE_TEXTS = 2000
"""Bytes at most of what manifest, checksums and environment.json say besides the job and the shards."""


def estimate_bytes(job: Mapping[str, Any]) -> int:
    """At least the size of all files of the finished store, and within a few per cent of it."""
    parsed = Job.parse(job, "job")
    count = parsed.shard_count
    texts = _SHARD_TEXTS + (_AUGMENTED_TEXTS if parsed.layout.classes else 0)
    texts += _SHAPE_TEXTS if parsed.layout.repairs else 0
    texts += _SHADOW_TEXTS if parsed.layout.shadow else 0
    return shard_bytes(job) + count * texts + 2 * len(canonical_json(job)) + _STORE_TEXTS


def shard_bytes(job: Mapping[str, Any]) -> int:
    """The size of all shards of the finished store, exactly.

    Raises:
        FormatError: the job lacks what a store needs.
    """
    parsed = Job.parse(job, "job")
    last = parsed.shard_count - 1
    return last * image_bytes(parsed, 0) + image_bytes(parsed, last)


def free_bytes(folder: Path) -> int:
    """How much may still be written on the file system of a folder.

    Raises:
        OutputError: there is no such folder.
    """
    with output_errors(folder):
        system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize


def check_space(root: Path, job: Mapping[str, Any]) -> None:
    """Create the folder, and refuse to start a store that cannot be finished in it.

    Bytes of shards that are there already count as room.

    Raises:
        FormatError: the job lacks what a store needs; nothing was written.
        OutputError: the folder cannot be written, or its file system is too small for the rest.
    """
    require_room(root, unwritten_bytes(root, job))


def unwritten_bytes(root: Path, job: Mapping[str, Any]) -> int:
    """What a store in a folder still takes; see `estimate_bytes`.

    Raises:
        FormatError: the job lacks what a store needs.
    """
    left = estimate_bytes(job)
    for name in Job.parse(job, "job").shard_names():
        with suppress(OSError):
            left -= (root / name).stat().st_size
    return left


def require_room(folder: Path, needed: int, otherwise: str = "ask for fewer records") -> None:
    """Create a folder, and refuse one in which ``needed`` bytes cannot be written.

    Args:
        otherwise: what to do if neither this folder nor another one has the space.
    Raises:
        OutputError: says how much is free and how much is needed.
    """
    make_folder(folder)
    require_writable(folder)
    free = free_bytes(folder)
    if needed > free:
        raise OutputError(
            f"{folder}: {_size(free)} free, {_size(needed)} needed; "
            f"free space, choose another folder, or {otherwise}"
        )


def beside(root: Path, suffix: str) -> Path:
    """The folder for what a store is made from: next to it, for a store consists of its own files alone.

    Raises:
        OutputError: nothing lies beside ``root``.
    """
    place = Path(os.path.abspath(root))
    if not place.name:
        raise OutputError(f"{root}: nothing can be kept beside it; choose another folder")
    return place.with_name(f"{place.name}.{suffix}")


def require_ours(root: Path) -> None:
    """Refuse a folder that holds something else than a store, or the beginning of one.

    Raises:
        OutputError: names what it holds.
    """
    if not root.is_dir() or os.path.lexists(root / JOB_FILE):
        return
    with output_errors(root):
        entries = os.listdir(root)
    for entry in sorted(entries):
        if entry not in (SHARD_FOLDER, JOB_FILE, ENVIRONMENT_FILE) and not entry.startswith("."):
            raise OutputError(f"{root}: holds {entry!r} and no {JOB_FILE}; choose a new or an empty folder")


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.2f} MiB"
