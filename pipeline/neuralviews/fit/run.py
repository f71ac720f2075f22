"""The run from a recipe to a store: plan, resume, share the shards among workers, publish the manifest."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError, OptionError, SourceError
from ..recipe import Recipe, load_recipe
from ..signals.catalogue import open_source
from ..store.environment import describe_environment, write_environment
from ..store.reader import open_store
from ..store.schema import ENVIRONMENT_FILE, JOB_FILE, MANIFEST_FILE
from ..store.space import check_space
from ..store.writer import StoreWriter
from .job import budget_of, plan_job
from .progress import ProgressBar
from .registry import get_engine
from .worker import RunContext, fit_shard

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

    def __post_init__(self) -> None:
        index, count = self.part
        for name, value, wanted, fits in (
            ("workers", self.workers, "at least 1", self.workers >= 1),
            ("limit", self.limit, "at least 1, or None", self.limit is None or self.limit >= 1),
            ("part", self.part, "(i, n) with 1 <= i <= n", 1 <= index <= count),
        ):
            if not fits:
                raise OptionError(f"RunOptions: {name}: found {value!r}, expected {wanted}")


@dataclass(frozen=True)
class RunReport:
    """What a run did: records fitted by it, shards still missing in the store, and the id once complete."""

    fitted: int
    missing: int
    dataset_id: str | None


_DEFAULTS = RunOptions()


def available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def generate(recipe: Recipe | str | Path, out: str | Path, options: RunOptions = _DEFAULTS) -> RunReport:
    """Make the store of a recipe, or go on with it: finished shards are kept, bytes never depend on the way.

    Args:
        recipe: a recipe, its name, or the path of its file.
        out: folder of the store.
    Raises:
        RecipeError, EngineError, SourceError: what was asked cannot be done; nothing was written.
        SourceError: also when source files changed during the run.
        OutputError: the folder cannot be written, is too small, or holds another job.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    from threadpoolctl import threadpool_limits

    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    engine = get_engine(options.engine, recipe.spec, budget_of(recipe), options.device)
    source = open_source(recipe, options.source_root, download=options.download)
    job = plan_job(recipe, source, engine, options.limit)
    root = Path(out)
    if _is_finished(root, job):
        return RunReport(0, 0, open_store(root).dataset_id)
    check_space(root, job)
    writer = StoreWriter(root, job)
    with threadpool_limits(1):  # parallelism is over shards; threads of libraries would only get in its way
        fitted = _run_shards(writer, engine.name, source.root, options)
    if fitted and open_source(recipe, source.root).files != source.files:
        raise SourceError(
            f"{out}: source files changed during the run, so its fields belong to no version of them; "
            "remove the folder and run the same command again"
        )
    missing = len(writer.missing())
    if missing:
        return RunReport(fitted, missing, None)
    if fitted or not (root / ENVIRONMENT_FILE).exists():
        write_environment(root, describe_environment())
    return RunReport(fitted, 0, writer.finalize())


def _is_finished(root: Path, job: Mapping[str, Any]) -> bool:
    """Whether the folder holds all of this very job; nothing is written to find out, so it may be read-only.

    Raises:
        OutputError: it holds another job.
    """
    if not (root / JOB_FILE).exists():
        return False
    return not StoreWriter(root, job).missing() and (root / MANIFEST_FILE).exists()


def _run_shards(writer: StoreWriter, engine: str, source_root: Path | None, options: RunOptions) -> int:
    index, count = options.part
    mine = range(index - 1, writer.shard_count, count)
    todo = [shard for shard in mine if not writer.is_done(shard)]
    if not todo:
        return 0
    total, left = (sum(len(writer.row_range(shard)) for shard in shards) for shards in (mine, todo))
    bar = ProgressBar(
        writer.root, writer.shard_count, total, total - left, str(writer.job["name"]), shown=options.progress
    )
    fitted = 0
    with _meeting_order(writer.root, todo) as order, bar:
        context = RunContext(writer.root, source_root, engine, options.device, bar.path)
        for shard, was_fitted in _fit_all(writer, context, order, options.workers):
            rows = len(writer.row_range(shard))
            if was_fitted:
                fitted += rows
            else:
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

    left = list(shards)
    for _ in range(_WORKER_DEATHS_ALLOWED):
        try:
            for shard, was_fitted in _fit_parallel(context, left[:], workers):
                left.remove(shard)
                yield shard, was_fitted
            return
        except TerminatedWorkerError:
            # One killed worker takes its pool along. What was published stays, heard of or not.
            for shard in [shard for shard in left if writer.is_done(shard)]:
                left.remove(shard)
                yield shard, True
    raise EngineError(
        f"{writer.root}: worker processes were killed {_WORKER_DEATHS_ALLOWED} times (out of memory?); "
        f"{len(left)} shards are missing: run the same command again with fewer --workers"
    )


def _fit_parallel(context: RunContext, shards: list[int], workers: int) -> Iterator[tuple[int, bool]]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import get_reusable_executor

    tasks = (delayed(fit_shard)(context, shard, os.getpid()) for shard in shards)
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        pool: Any = Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
    try:
        yield from pool(tasks)
    except BaseException:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise
