"""Progress of a run over several processes: workers count in a shared file, the parent draws the bar."""

import secrets
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..store.files import output_errors
from ..store.schema import TEMP_PREFIX

__all__ = ["ProgressBar", "ProgressCounter"]

_POLL_SECONDS = 0.25


class ProgressCounter:
    """One worker's view of the shared counts: each shard has a row of its own, so no lock is needed."""

    def __init__(self, path: Path, shards: int, shard: int) -> None:
        self._row: NDArray[np.float64] = np.zeros(2)
        # A generator beside this one that has just finished the store may have tidied the file away.
        with suppress(FileNotFoundError):
            self._row = np.memmap(path, np.float64, "r+", shape=(shards, 2))[shard]
        self._row[:] = 0

    def add(self, psnr: NDArray[np.float32]) -> None:
        """Count a batch of fitted fields and their PSNRs."""
        self._row += (len(psnr), float(psnr.sum(dtype=np.float64)))


class ProgressBar:
    """A tqdm bar with fields/s, ETA and the mean PSNR so far; drawn by a thread, closed on exit.

    Args:
        root: the store's folder, where the counts lie in a temporary file that any finished run removes.
        shards: how many shards the store has.
        total, done: records of this run, and those of them that stood finished at its start.
    """

    def __init__(self, root: Path, shards: int, total: int, done: int, title: str, *, shown: bool) -> None:
        self.path = root / f"{TEMP_PREFIX}progress-{secrets.token_hex(8)}"
        # Written rather than left sparse: on a full disk a store into a hole of a map kills the process.
        with output_errors(root):
            self.path.write_bytes(bytes(16 * shards))
        self._counts = np.memmap(self.path, np.float64, "r+", shape=(shards, 2))
        self._total, self._done, self._title, self._shown = total, done, title, shown
        self._adopted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def adopt(self, rows: int) -> None:
        """Count records that another generator finished meanwhile."""
        self._adopted += rows

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _draw(self) -> None:
        from tqdm import tqdm

        interval = 0.1 if sys.stderr.isatty() else 10.0
        with tqdm(
            total=self._total,
            initial=self._done,
            desc=self._title,
            unit=" fields",
            disable=not self._shown,
            mininterval=interval,
            smoothing=0,
            dynamic_ncols=True,
        ) as bar:
            while True:
                stopping = self._stop.wait(_POLL_SECONDS)
                fitted, psnr = self._counts.sum(axis=0)
                if not fitted:
                    bar.start_t = time.time()  # workers and compilation start before the first field
                else:
                    bar.set_postfix_str(f"PSNR {psnr / fitted:.1f} dB", refresh=False)
                bar.update(self._done + self._adopted + int(fitted) - bar.n)
                if stopping:
                    bar.refresh()
                    return
