"""Sharing the shards of a store among processes, and among runs on the same folder."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import Quarantined
from ..store.canonical import canonical_json
from ..store.environment import describe_environment, write_environment
from ..store.schema import AUGMENT, ENVIRONMENT_FILE, JOB_FILE, MANIFEST_FILE, SUMS_FILE
from ..store.strays import require_no_strays
from ..store.writer import StoreWriter
from .calls import Lost
from .deaths import run_all
from .pool import Pool
from .progress import ProgressBar
from .promised import Promised
from .sharing import Sharing, available_cpus
from .worker import Made, Maker, ShardCall

__all__ = ["Sharing", "available_cpus", "complete", "is_finished", "make_shards"]

_NAMED = 8


def is_finished(root: Path, job: Mapping[str, Any]) -> bool:
    """Whether the folder holds all of this very job; nothing is written to find out, so it may be read-only.

    Raises:
        OutputError: it holds another job.
    """
    if not (root / JOB_FILE).exists():
        return False
    complete = all((root / name).exists() for name in (MANIFEST_FILE, SUMS_FILE))
    return not StoreWriter(root, job).missing() and complete


def make_shards(
    writer: StoreWriter,
    maker: Maker,
    sharing: Sharing,
    describe: Callable[[range], str] = lambda rows: f"records {rows.start} to {rows[-1]}",
) -> int:
    """Make the shards that are missing in this run's part; returns how many records it made.

    Args:
        describe: what a message says of the records of a shard.
    Raises:
        IntegrityError: something else lies among the shards.
        Quarantined: shards that keep killing their workers are left out; all others of the part are made.
        EngineError: workers cannot be used, or publish where this host does not see it.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    from threadpoolctl import threadpool_limits

    index, count = sharing.part
    mine = range(index, writer.shard_count, count)
    todo = [shard for shard in mine if not writer.is_done(shard)]
    if not todo:
        return 0
    require_no_strays(writer.root, writer.shard_count)  # which the manifest would wait for, hours later
    made, lost, promised = 0, list[int](), Promised(writer)
    # Parallelism is over shards; threads of libraries would only get in its way.
    with (
        threadpool_limits(1),
        _meeting_order(writer.root, todo) as order,
        sharing.pool(writer.root) as pool,
        _bar(writer, mine, todo, sharing) as bar,
        closing(
            run_all(_call(writer, maker, pool, sharing, bar), order, pool, lost.append, _left_behind(writer))
        ) as results,
    ):
        for shard, found in results:
            if found.shard is not None:
                found.shard.require_whole(writer.parsed_job, shard)
                writer.publish(shard, found.shard)
            elif pool.cluster is not None:
                promised.add(shard, found.where)
            rows = len(writer.row_range(shard))
            made += rows if found.now else 0
            if found.counts is not None:
                bar.add(shard, found.counts)
            elif not found.now or pool.cluster is not None:  # nobody counted it here
                bar.adopt(rows)
        promised.wait()
    if lost:
        raise Quarantined(_told(writer, sorted(lost), describe))
    return made


def _bar(writer: StoreWriter, mine: Sequence[int], todo: Sequence[int], sharing: Sharing) -> ProgressBar:
    total, left = (sum(len(writer.row_range(shard)) for shard in shards) for shards in (mine, todo))
    return ProgressBar(
        writer.root,
        writer.shard_count,
        total,
        total - left,
        title=str(writer.made_by.get("name", writer.root.name)),  # stores of others need not have one
        unit="copies" if writer.kind == AUGMENT else "fields",
        shown=sharing.progress,
    )


def _call(writer: StoreWriter, maker: Maker, pool: Pool, sharing: Sharing, bar: ProgressBar) -> ShardCall:
    run = secrets.token_hex(8)
    if pool.cluster is None:
        return ShardCall(maker, run, bar.path)
    handed_over = sharing.writers == "driver"
    return ShardCall(maker, run, job=canonical_json(writer.job) if handed_over else None)


def _left_behind(writer: StoreWriter) -> Callable[[int], Made | Lost]:
    """What was published stays, whether or not its worker lived to tell."""
    return lambda shard: Made(now=True) if writer.is_done(shard) else Lost()


def _told(writer: StoreWriter, shards: Sequence[int], describe: Callable[[range], str]) -> str:
    named = [f"shard {shard} ({describe(writer.row_range(shard))})" for shard in shards[:_NAMED]]
    more = f" and {len(shards) - _NAMED} more" if len(shards) > _NAMED else ""
    what, which = ("it", "") if len(shards) == 1 else ("each of them", "s")
    return (
        f"{writer.root}: left out {len(shards)} shard{which}, as a worker died of {what} time and again, "
        f"with nothing else beside it (out of memory?): {', '.join(named)}{more}; "
        "all other shards of this run are finished, and the same command tries again"
    )


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
