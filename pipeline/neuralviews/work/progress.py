"""Progress of a run over several processes: workers count in a shared file, the parent draws the bar.

Workers of a cluster share no file with it: their counts come with each shard.
"""

import secrets
import sys
import threading
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
_BINS = 257
"""Of PSNRs by whole dB; the last but one also holds whatever renders without any error, the last one what is
not known."""


class ProgressCounter:
    """One worker's view of the shared counts: a histogram of PSNRs for each shard, so no lock is needed.

    Args:
        path: of the shared counts; None: count for `ProgressBar.add`.

    Attributes:
        row: the counts of this shard.
    """

    def __init__(self, path: Path | None, shards: int, shard: int) -> None:
        self.row: NDArray[np.int64] = np.zeros(_BINS, np.int64)
        # A generator beside this one that has just finished the store may have tidied the file away.
        with suppress(FileNotFoundError):
            if path is not None:
                self.row = np.memmap(path, np.int64, "r+", shape=(shards, _BINS))[shard]
        self.row[:] = 0

    def add(self, psnr: NDArray[np.float32]) -> None:
        """Count a batch of records by their PSNRs."""
        known = np.nan_to_num(np.clip(psnr, 0, _BINS - 2), nan=_BINS - 1)
        self.row += np.bincount(known.astype(np.intp), minlength=_BINS)


class ProgressBar:
    """A tqdm bar with records/s, ETA and the median PSNR so far; drawn by a thread, closed on exit.

    The time is that of the run, with the start of workers and compilation; the rate is that of the
    records which this run made in it.

    Args:
        root: the store's folder, where the counts lie in a temporary file that any finished run removes.
        shards: how many shards the store has.
        total, done: records of this run, and those of them that stood finished at its start.
        title, unit: what is made, and what its records are.
    """

    def __init__(
        self, root: Path, shards: int, total: int, done: int, *, title: str, unit: str, shown: bool
    ) -> None:
        self.path = root / f"{TEMP_PREFIX}progress-{secrets.token_hex(8)}"
        # Written rather than left sparse: on a full disk a store into a hole of a map kills the process.
        # And mapped as it is open: another run that finishes the store may take its name away at any moment.
        with output_errors(root), self.path.open("xb+") as file:
            file.write(bytes(8 * _BINS * shards))
            file.flush()
            self._counts = np.memmap(file, np.int64, "r+", shape=(shards, _BINS))
        self._total, self._done, self._title, self._unit, self._shown = total, done, title, unit, shown
        self._adopted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def adopt(self, rows: int) -> None:
        """Count records that another generator finished meanwhile."""
        self._adopted += rows

    def add(self, shard: int, row: NDArray[np.int64]) -> None:
        """Take over the counts of a shard that was made elsewhere."""
        self._counts[shard] = row

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
            unit=f" {self._unit}",
            disable=not self._shown,
            mininterval=interval,
            smoothing=0,
            dynamic_ncols=True,
        ) as bar:
            while True:
                stopping = self._stop.wait(_POLL_SECONDS)
                below = self._counts.sum(axis=0).cumsum()
                made = int(below[-1])
                if known := int(below[-2]):
                    median = int(np.searchsorted(below, known / 2))
                    bar.set_postfix_str(f"median {_decibels(median)}", refresh=False)
                bar.initial = self._done + self._adopted  # what others made is no part of this run's rate
                bar.update(bar.initial + made - bar.n)
                if stopping:
                    bar.refresh()
                    return


def _decibels(psnr: int) -> str:
    return "∞ dB" if psnr == _BINS - 2 else f"{psnr} dB"
