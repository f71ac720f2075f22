"""The run from a recipe to a store: plan, resume, share the shards among workers, publish the manifest."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..recipe import Recipe
from ..signals.catalogue import open_source
from ..store.environment import describe_environment, write_environment
from ..store.space import check_space
from ..store.writer import StoreWriter
from .job import budget_of, plan_job
from .progress import ProgressBar
from .registry import get_engine
from .worker import RunContext, fit_shard, single_threaded

__all__ = ["RunOptions", "RunReport", "available_cpus", "generate"]

_WORKER_DEATHS_ALLOWED = 3


@dataclass(frozen=True)
class RunOptions:
    """How to run; nothing here changes a byte of what is made, but for ``limit`` and the engine.

    Args:
        source_root: folder of the source's files, for sources that need one.
        download: let the source fetch and unpack its files first.
        limit: only so many objects, spread over the splits.
        engine, device: see `fit.registry.get_engine`.
        workers: processes that fit at the same time.
        part: (i, n) does every n-th shard starting from the i-th, i from 1: for job arrays.
        progress: draw a progress bar on stderr.
    """

    source_root: Path | None = None
    download: bool = False
    limit: int | None = None
    engine: str = "auto"
    device: str | None = None
    workers: int = 1
    part: tuple[int, int] = (1, 1)
    progress: bool = False


@dataclass(frozen=True)
class RunReport:
    """What a run did: records fitted by it, shards still missing in the store, and the id once complete."""

    fitted: int
    missing: int
    dataset_id: str | None


def available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def generate(recipe: Recipe, out: Path, options: RunOptions = RunOptions()) -> RunReport:
    """Make the store of a recipe, or go on with it: finished shards are kept, bytes never depend on the way.

    Raises:
        SourceError, EngineError, RecipeError: what was asked cannot be done; nothing was written.
        OutputError: the folder cannot be written, is too small, or holds another job.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    single_threaded()
    engine = get_engine(options.engine, recipe.spec, budget_of(recipe), options.device)
    source = open_source(recipe, options.source_root, download=options.download)
    job = plan_job(recipe, source, engine, options.limit)
    check_space(out, job)
    writer = StoreWriter(out, job)
    fitted = _run_shards(writer, engine.name, source.root, options)
    missing = len(writer.missing())
    if missing:
        return RunReport(fitted, missing, None)
    write_environment(out, describe_environment())
    return RunReport(fitted, 0, writer.finalize())


def _run_shards(writer: StoreWriter, engine: str, source_root: Path | None, options: RunOptions) -> int:
    index, count = options.part
    mine = range(index - 1, writer.shard_count, count)
    todo = [shard for shard in mine if not writer.is_done(shard)]
    if not todo:
        return 0
    total = sum(len(writer.row_range(shard)) for shard in mine)
    left = sum(len(writer.row_range(shard)) for shard in todo)
    fitted = 0
    with (
        _meeting_order(writer.root, todo) as order,
        ProgressBar(
            writer.shard_count, total, total - left, str(writer.job["name"]), shown=options.progress
        ) as bar,
    ):
        context = RunContext(writer.root, source_root, engine, options.device, bar.path)
        for shard, was_fitted in _fit_all(writer, context, order, options.workers):
            rows = len(writer.row_range(shard))
            fitted += rows if was_fitted else 0
            if not was_fitted:
                bar.adopt(rows)
    return fitted


@contextmanager
def _meeting_order(root: Path, shards: Sequence[int]) -> Iterator[list[int]]:
    """The order to fit in: upwards, but downwards for a second generator on the folder, so that they meet.

    The lock only spreads the work. Without it (a file system that has none) both go upwards and
    repeat each other; the result is the same.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield list(reversed(shards)) if _is_locked(folder) else list(shards)
    finally:
        os.close(folder)


def _is_locked(folder: int) -> bool:
    """Whether another generator holds the folder; if not, hold it until the descriptor is closed."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _fit_all(
    writer: StoreWriter, context: RunContext, shards: list[int], workers: int
) -> Iterator[tuple[int, bool]]:
    if workers == 1:
        for shard in shards:
            yield fit_shard(context, shard, os.getpid())
        return
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for _ in range(_WORKER_DEATHS_ALLOWED):
        try:
            yield from _fit_parallel(context, shards, workers)
            return
        except TerminatedWorkerError:
            # One killed worker takes its pool along; what was published stays, so start again with the rest.
            shards = [shard for shard in shards if not writer.is_done(shard)]
    raise EngineError(
        f"{writer.root}: worker processes were killed {_WORKER_DEATHS_ALLOWED} times (out of memory?); "
        f"{len(shards)} shards are missing: run the same command again with fewer --workers"
    )


def _fit_parallel(context: RunContext, shards: list[int], workers: int) -> Iterator[tuple[int, bool]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    tasks = (delayed(fit_shard)(context, shard, os.getpid()) for shard in shards)
    pool: Any = Parallel(
        n_jobs=workers, backend="loky", return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1
    )
    try:
        yield from pool(tasks)
    except BaseException:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise
