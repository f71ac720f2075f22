"""Many record ids in little memory: those of parents stand mostly side by side."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowRuns"]


class RowRuns:
    """Ascending record ids, kept as runs of consecutive ones; like an array of them, (n,) int64.

    Args:
        starts, counts: (k,) int64, the first id and the length of each run.
    """

    def __init__(self, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self._starts, self._counts = starts, counts
        self._before = np.cumsum(counts) - counts

    @classmethod
    def joined(cls, parts: Iterable[NDArray[Any]]) -> Self:
        """All ids of some ascending arrays, one after the other; they ascend from one to the next, too."""
        starts, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for ids in parts:
            if len(ids):
                first = np.r_[0, np.flatnonzero(np.diff(ids) != 1) + 1]
                starts.append(ids[first].astype(np.int64))
                counts.append(np.diff(first, append=len(ids)))
        return cls(np.concatenate(starts), np.concatenate(counts))

    def __len__(self) -> int:
        return int(self._counts.sum())

    def __getitem__(self, places: NDArray[Any] | slice) -> NDArray[np.int64]:
        """The ids at some places, each from 0 to n - 1."""
        if isinstance(places, slice):
            places = np.arange(*places.indices(len(self)))
        run = np.searchsorted(self._before, places, "right") - 1
        found: NDArray[np.int64] = self._starts[run] + (places - self._before[run])
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)

    def places(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Where some ids stand, (k,) int64; -1 for those that are none of these."""
        wanted = ids.astype(np.int64)
        if not len(self._starts):
            return np.full(len(wanted), -1)
        run = np.searchsorted(self._starts, wanted, "right") - 1
        beyond = wanted - self._starts[run]
        known = (run >= 0) & (beyond < self._counts[run])
        return np.where(known, self._before[run] + beyond, -1)
