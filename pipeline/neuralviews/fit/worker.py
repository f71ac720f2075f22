"""What a worker process does: fit one shard and publish it. Nothing but small values crosses processes."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..recipe import recipe_from_canonical
from ..store.writer import StoreWriter
from .job import budget_of
from .progress import ProgressCounter
from .registry import get_engine
from .rows import RowFitter

__all__ = ["RunContext", "fit_shard"]


@dataclass(frozen=True)
class RunContext:
    """Where a run writes and reads, and which engine it uses; equal in all its workers."""

    root: Path
    source_root: Path | None
    engine: str
    device: str | None
    counts: Path


def fit_shard(context: RunContext, shard: int, parent: int) -> tuple[int, bool]:
    """Fit and publish a shard unless it is already there.

    Args:
        parent: process id of the run; another process is a worker of it.
    Returns:
        The shard's number, and whether this call fitted it.
    """
    if os.getpid() != parent:
        _serve(parent)
    writer, fitter = _open(context)
    if writer.is_done(shard):
        return shard, False
    counter = ProgressCounter(context.counts, writer.shard_count, shard)
    records = fitter.fit(writer.row_range(shard), counter.add)
    writer.commit(shard, records)
    return shard, True


@lru_cache(maxsize=1)
def _serve(parent: int) -> None:
    """Once in a worker process: leave Ctrl-C to the parent, and do not outlive a parent that was killed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@lru_cache(maxsize=1)
def _open(context: RunContext) -> tuple[StoreWriter, RowFitter]:
    from ..signals.catalogue import open_source

    writer = StoreWriter.open(context.root)
    recipe = recipe_from_canonical(writer.job["recipe"])
    # The parent hashes the source files before and after the run; a worker only reads them.
    source = open_source(recipe, context.source_root, hash_files=False)
    objects = source.objects.limited(writer.job["limit"])
    engine = get_engine(context.engine, recipe.spec, budget_of(recipe), context.device)
    return writer, RowFitter(recipe, source, objects, engine)
