"""What a worker process does: make one shard and publish it. Nothing but small values crosses processes."""

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import Records
from ..store.writer import StoreWriter
from .progress import ProgressCounter

__all__ = ["Maker", "Progress", "make_shard", "serve"]

Progress = Callable[[NDArray[np.float32]], None]
"""Hears the PSNRs of each batch of records as it is done."""


class Maker(Protocol):
    """Makes the records of a store. It is hashable, pickles, and is equal in all workers of a run."""

    @property
    def root(self) -> Path:
        """The store's folder."""
        ...

    def __hash__(self) -> int: ...

    def open(self, writer: StoreWriter) -> Callable[[range, Progress], Records]:
        """Get ready in this process; what is returned makes the records of a range of rows."""
        ...


def make_shard(maker: Maker, counts: Path, shard: int, parent: int) -> tuple[int, bool]:
    """Make and publish a shard unless it is already there.

    Args:
        counts: the file in which progress is counted.
        parent: process id of the run; another process is a worker of it.
    Returns:
        The shard's number, and whether this call made it.
    """
    if os.getpid() != parent:
        serve(parent)
    writer, make = _open(maker, counts)
    if writer.is_done(shard):
        return shard, False
    counter = ProgressCounter(counts, writer.shard_count, shard)
    writer.commit(shard, make(writer.row_range(shard), counter.add))
    return shard, True


@lru_cache(maxsize=1)
def serve(parent: int) -> None:
    """Once in a worker process: leave Ctrl-C to the parent, and do not outlive a parent that was killed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@lru_cache(maxsize=1)
def _open(maker: Maker, counts: Path) -> tuple[StoreWriter, Callable[[range, Progress], Records]]:
    """Once in a run, which no other shares its counts with: the next may find other files in their places."""
    writer = StoreWriter.open(maker.root)
    return writer, maker.open(writer)
