"""Sharing the shards of a store among processes, and among runs on the same folder."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError, OptionError
from ..store.environment import describe_environment, write_environment
from ..store.schema import AUGMENT, ENVIRONMENT_FILE, JOB_FILE, MANIFEST_FILE, SUMS_FILE
from ..store.writer import StoreWriter
from .pool import WorkersKilled, run_calls
from .progress import ProgressBar
from .worker import Maker, make_shard

__all__ = ["Sharing", "available_cpus", "complete", "is_finished", "make_shards"]

_WORKER_DEATHS_ALLOWED = 3


@dataclass(frozen=True)
class Sharing:
    """How a run shares out its shards; nothing here changes a byte.

    Args:
        workers: processes that work at the same time.
        part: (i, n) makes every n-th shard starting from the i-th, i from 1: for job arrays.
        progress: draw a progress bar on stderr.
    """

    workers: int = 1
    part: tuple[int, int] = (1, 1)
    progress: bool = False

    def __post_init__(self) -> None:
        index, count = self.part
        if self.workers < 1:
            raise OptionError(f"workers: found {self.workers!r}, expected at least 1")
        if not 1 <= index <= count:
            raise OptionError(f"part: found {self.part!r}, expected (i, n) with 1 <= i <= n")


def available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_finished(root: Path, job: Mapping[str, Any]) -> bool:
    """Whether the folder holds all of this very job; nothing is written to find out, so it may be read-only.

    Raises:
        OutputError: it holds another job.
    """
    if not (root / JOB_FILE).exists():
        return False
    complete = all((root / name).exists() for name in (MANIFEST_FILE, SUMS_FILE))
    return not StoreWriter(root, job).missing() and complete


def make_shards(writer: StoreWriter, maker: Maker, sharing: Sharing) -> int:
    """Make the shards that are missing in this run's part; returns how many records it made.

    Raises:
        EngineError: worker processes kept being killed.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    from threadpoolctl import threadpool_limits

    index, count = sharing.part
    mine = range(index - 1, writer.shard_count, count)
    todo = [shard for shard in mine if not writer.is_done(shard)]
    if not todo:
        return 0
    total, left = (sum(len(writer.row_range(shard)) for shard in shards) for shards in (mine, todo))
    bar = ProgressBar(
        writer.root,
        writer.shard_count,
        total,
        total - left,
        title=str(writer.made_by.get("name", writer.root.name)),  # stores of others need not have one
        unit="copies" if writer.kind == AUGMENT else "fields",
        shown=sharing.progress,
    )
    made = 0
    # Parallelism is over shards; threads of libraries would only get in its way.
    with threadpool_limits(1), _meeting_order(writer.root, todo) as order, bar:
        for shard, was_made in _make_all(writer, maker, bar.path, order, sharing.workers):
            rows = len(writer.row_range(shard))
            if was_made:
                made += rows
            else:
                bar.adopt(rows)
    return made


def complete(writer: StoreWriter, made: int) -> tuple[int, str | None]:
    """Publish the manifest if no shard is missing; ``made`` is what `make_shards` returned.

    Returns:
        How many shards are missing, and the dataset id once none is.
    Raises:
        IntegrityError: a shard is wrong.
    """
    missing = len(writer.missing())
    if missing:
        return missing, None
    if made or not (writer.root / ENVIRONMENT_FILE).exists():
        write_environment(writer.root, describe_environment())
    return 0, writer.finalize()


@contextmanager
def _meeting_order(root: Path, shards: Sequence[int]) -> Iterator[list[int]]:
    """The order to work in: upwards, but downwards for a second run on the folder, so that they meet.

    The lock only spreads the work. Without it (a file system that has none) both go upwards and
    repeat each other; the result is the same.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield list(reversed(shards)) if _is_locked(folder) else list(shards)
    finally:
        os.close(folder)


def _is_locked(folder: int) -> bool:
    """Whether another run holds the folder; if not, hold it until the descriptor is closed."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _make_all(
    writer: StoreWriter, maker: Maker, counts: Path, shards: list[int], workers: int
) -> Iterator[tuple[int, bool]]:
    left = list(shards)
    for _ in range(_WORKER_DEATHS_ALLOWED):
        try:
            calls = [(maker, counts, shard, os.getpid()) for shard in left]
            for shard, was_made in run_calls(make_shard, calls, workers):
                left.remove(shard)
                yield shard, was_made
            return
        except WorkersKilled:
            # One killed worker takes its pool along. What was published stays, heard of or not.
            for shard in [shard for shard in left if writer.is_done(shard)]:
                left.remove(shard)
                yield shard, True
    raise EngineError(
        f"{writer.root}: worker processes were killed {_WORKER_DEATHS_ALLOWED} times (out of memory?); "
        f"{len(left)} shards are missing: run the same command again with fewer --workers"
    )
