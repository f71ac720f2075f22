"""Who makes the shards of a store: processes, threads or a cluster, and which part of them."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import OptionError
from ..integers import whole_number
from ..store.files import output_errors
from ..store.schema import TEMP_PREFIX
from .pool import Pool

__all__ = ["Sharing", "Writers", "available_cpus"]

Writers = Literal["workers", "driver"]


@dataclass(frozen=True)
class Sharing:
    """How a run shares out its shards; nothing here changes a byte.

    Args:
        workers: how many work at the same time. None: one; of a cluster, as many as it has threads.
        part: (i, n) makes every n-th shard starting from number i, i from 0: for job arrays.
        progress: draw a progress bar on stderr.
        cluster: address of a Dask scheduler, or the path of a scheduler file: its workers do the work.
        writers: who writes the store: ``"workers"`` in the folder that all hosts share, or the ``"driver"``,
            which is this process, and to which they send their shards.
        threads: work in threads of this process, for engines that are the faster for it.
    """

    workers: int | None = None
    part: tuple[int, int] = (0, 1)
    progress: bool = False
    cluster: str | None = None
    writers: Writers = "workers"
    threads: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None:
            workers = whole_number(self.workers)
            if workers is None or workers < 1:
                raise OptionError(f"workers: found {self.workers!r}, expected at least 1, a whole number")
            object.__setattr__(self, "workers", workers)
        try:
            index, count = map(whole_number, self.part)
        except (TypeError, ValueError):
            index = count = None
        if index is None or count is None or not 0 <= index < count:
            raise OptionError(
                f"part: found {self.part!r}, expected (i, n) with 0 <= i < n: parts count from 0"
            )
        object.__setattr__(self, "part", (index, count))
        if self.writers not in ("workers", "driver"):
            raise OptionError(f"writers: found {self.writers!r}, expected 'workers' or 'driver'")
        if self.cluster is None and self.writers == "driver":
            raise OptionError("writers: 'driver' is for workers of a cluster, and no cluster was given")
        if self.cluster is not None and self.threads:
            raise OptionError(
                "threads: those of a cluster are its workers'; expected no threads or no cluster"
            )

    def everywhere(self, path: Path) -> Path:
        """A path as workers can use it: those on other hosts have another current folder."""
        return path if self.cluster is None else Path(os.path.abspath(path))

    def prove(self) -> None:
        """Find out whether the cluster can be used, if there is one, while nothing is written.

        Raises:
            EngineError: see `pool`.
        """
        if self.cluster is not None:
            with self.pool():
                pass

    @contextmanager
    def pool(self, folder: Path | None = None) -> Iterator[Pool]:
        """Where calls run, for as long as the context lasts.

        Args:
            folder: that all workers have to share, unless the driver alone writes.
        Raises:
            EngineError: the cluster cannot be reached, has no worker, or one that cannot be used.
        """
        with ExitStack() as stack:
            cluster = None
            if self.cluster is not None:
                from .cluster import open_cluster

                cluster = stack.enter_context(open_cluster(self.cluster))
                if folder is not None and self.writers == "workers":
                    cluster.require_shared(stack.enter_context(_token(folder)))
            yield Pool(self.workers, self.threads, cluster)


@contextmanager
def _token(folder: Path) -> Iterator[Path]:
    """A file with a name that no other host can have by chance."""
    path = Path(os.path.abspath(folder)) / f"{TEMP_PREFIX}shared-{secrets.token_hex(8)}"
    with output_errors(path):
        path.touch(exist_ok=False)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
