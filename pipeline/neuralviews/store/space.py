"""Is there room, and may we write? Asked before a run rather than found out by it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError
from .files import make_folder, output_errors, require_writable
from .job import Job
from .schema import ALIGNMENT, dataset_shapes, dataset_types

__all__ = ["check_space", "estimate_bytes"]

_SHARD_OVERHEAD = 32 << 10


def estimate_bytes(job: Mapping[str, Any]) -> int:
    """At least the size of the finished store, within a few per cent of it for shards of a MiB or more."""
    parsed = Job.parse(job, "job")
    shapes, types = dataset_shapes(1, parsed.spec.parameters), dataset_types()
    record = sum(types[path].itemsize * (shapes[path][1] if len(shapes[path]) > 1 else 1) for path in types)
    return parsed.rows * record + parsed.shard_count * (_SHARD_OVERHEAD + ALIGNMENT * len(types))


def check_space(root: Path, job: Mapping[str, Any]) -> None:
    """Create the folder, and refuse to start a store that cannot be finished in it.

    Bytes of shards that are there already count as room.

    Raises:
        OutputError: the folder cannot be written, or its file system is too small for the rest.
    """
    make_folder(root)
    require_writable(root)
    with output_errors(root):
        system = os.statvfs(root)
        free = system.f_bavail * system.f_frsize
    needed = estimate_bytes(job) - _present(root, job)
    if needed > free:
        raise OutputError(
            f"{root}: {_gib(free)} free, {_gib(needed)} needed; "
            "free space, choose another folder, or generate fewer views or objects"
        )


def _present(root: Path, job: Mapping[str, Any]) -> int:
    present = 0
    for name in Job.parse(job, "job").shard_names():
        with suppress(OSError):
            present += (root / name).stat().st_size
    return present


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
