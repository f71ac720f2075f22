"""What a worker does: make one shard, and publish it or hand it over. All else that is sent is small."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import Records
from ..store.canonical import parse_canonical
from ..store.finished import FinishedShard
from ..store.job import Job
from ..store.writer import StoreWriter
from .progress import ProgressCounter
from .versions import host

__all__ = ["Made", "Maker", "Progress", "ShardCall"]

Progress = Callable[[NDArray[np.float32]], None]
"""Hears the PSNRs of each batch of records as it is done."""


class Maker(Protocol):
    """Makes the records of a store. It is hashable, pickles, and is equal in all workers of a run."""

    @property
    def root(self) -> Path:
        """The store's folder."""
        ...

    def __hash__(self) -> int: ...

    def open(self, job: Job) -> Callable[[range, Progress], Records]:
        """Get ready in this process; what is returned makes the records of a range of rows.

        The store's folder need not be there. What is returned may be called by several threads.
        """
        ...


class Made(NamedTuple):
    """What became of a shard.

    Attributes:
        now: this call made it; else it was there.
        counts: of its PSNRs, if they were not counted in a shared file.
        shard: to be published, if the worker does not.
        where: the host on which it was made or found.
    """

    now: bool
    counts: NDArray[np.int64] | None = None
    shard: FinishedShard | None = None
    where: str = ""


@dataclass(frozen=True)
class ShardCall:
    """Makes a shard by its number, and publishes it unless it is already there.

    Args:
        run: unlike that of any other run, for which other files may lie in the same places.
        counts: the file in which progress is counted; None where it is not shared.
        job: the bytes of job.json, where the store's folder is not shared: shards are handed over.
    """

    maker: Maker
    run: str
    counts: Path | None = None
    job: bytes | None = None

    def __call__(self, shard: int) -> Made:
        with _opening:
            job, writer, make = _open(self)
        if writer is not None and writer.is_done(shard):
            return Made(now=False, where=host())
        counter = ProgressCounter(self.counts, job.shard_count, shard)
        records = make(job.row_range(shard), counter.add)
        counts = counter.row if self.counts is None else None
        if writer is None:
            return Made(True, counts, FinishedShard.of(job, shard, records).packed())
        writer.commit(shard, records)
        return Made(True, counts, where=host())


_opening = threading.Lock()
"""Threads of one process open what they need once."""


@lru_cache(maxsize=1)
def _open(call: ShardCall) -> tuple[Job, StoreWriter | None, Callable[[range, Progress], Records]]:
    if call.job is not None:
        job = Job.parse(parse_canonical(call.job, "job"), "job")
        return job, None, call.maker.open(job)
    writer = StoreWriter.open(call.maker.root)
    return writer.parsed_job, writer, call.maker.open(writer.parsed_job)
