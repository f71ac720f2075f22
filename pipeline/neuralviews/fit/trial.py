"""A short fit of a recipe on this very machine: how fast it goes, how well, and in how much memory."""

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..recipe import Recipe
from ..records import NO_IOU, Records, Status
from .rows import RowFitter

if TYPE_CHECKING:
    from ..signals.catalogue import Objects

__all__ = ["MOST_RECORDS", "Trial", "run_trial", "shortened", "spread"]

SECONDS = 4.0
"""About so long records are fitted, when all is compiled."""
MOST_RECORDS = 64
"""Fitted at most by engines whose batches are smaller."""
_LEAST_SECONDS = 0.25
"""So long steps must take before their rate is believed."""
_FEW = 4


@dataclass(frozen=True)
class Trial:
    """What a short fit shows.

    Args:
        start: seconds until the first records were fitted: sources read, kernels compiled.
        seconds: of one record with nothing beside it, all its steps, second tries and measures included.
        steps: so many were run to find that out; below the recipe's if all of them take too long.
        memory: peak of this process so far, bytes.
        rows: which records were fitted to the end; the rest is about them.
        failed, converged: how many of them are below ``fit.min_psnr`` after all tries, or not finite, and how
            many reached ``fit.target_psnr``.
        psnr: (records,) float32, dB.
        iou: (n,) float32, of those of them that have one.
    """

    start: float
    seconds: float
    steps: int
    memory: int
    rows: tuple[int, ...]
    failed: int
    converged: int
    psnr: NDArray[np.float32]
    iou: NDArray[np.float32]

    @property
    def records(self) -> int:
        """How many were fitted to the end."""
        return len(self.rows)


def spread(objects: "Objects", views: int, count: int) -> list[int]:
    """So many records, or all, evenly spread over the splits and over the objects of each, ascending."""
    order = np.argsort(objects.split, kind="stable")
    total = len(objects) * views
    count = min(count, total)
    places = (2 * np.arange(count) + 1) * total // (2 * count)
    return sorted((order[places // views] * views + places % views).tolist())


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """The recipe with so few steps, none of which is saved or tried again."""
    fit = msgspec.structs.replace(recipe.fit, steps=steps, target_psnr=None, min_psnr=None, retries=0)
    return msgspec.structs.replace(recipe, fit=fit)


def _peak_bytes() -> int:
    """The largest resident set of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def run_trial(fitter: RowFitter, rows: Sequence[int]) -> Trial:
    """Fit some records, a batch of the engine or more, for some seconds.

    Where a batch to the end takes longer, fewer steps are run, and their time is scaled to all; then a few
    records at most are fitted to the end.

    Args:
        rows: enough for it, in an order that any part of them may be taken from: see `spread`.
    Raises:
        SourceError: an object cannot be fitted.
        EngineError: the engine fails.
    """
    recipe, batch = fitter.recipe, _part(rows, min(len(rows), fitter.engine.batch))
    start = _timed(fitter, batch, 1)
    steps, whole = _whole(fitter, batch)
    if whole <= SECONDS:
        most = max(MOST_RECORDS, len(batch))
        count = min(len(rows), most, len(batch) * max(1, int(SECONDS / whole)))
        begun = perf_counter()
        records = fitter.fit(_part(rows, count))
        return _trial(start, (perf_counter() - begun) / count, recipe.fit.steps, records)
    for count in (_FEW, 1):
        few = _part(batch, count)
        if _whole(fitter, few)[1] <= 2 * SECONDS:
            return _trial(start, whole / len(batch), steps, fitter.fit(few))
    return _trial(start, whole / len(batch), steps, None)


def _whole(fitter: RowFitter, rows: Sequence[int]) -> tuple[int, float]:
    """So many steps, and the seconds of all that follow from them: the first, and each of the others."""
    last = fitter.recipe.fit.steps
    first, steps, taken = _timed(fitter, rows, 1), 1, 0.0
    while steps < last and taken < _LEAST_SECONDS:
        steps = min(2 * steps, last)
        taken = _timed(fitter, rows, steps) - first
    return steps, first + (taken * (last - 1) / (steps - 1) if steps > 1 else 0)


def _timed(fitter: RowFitter, rows: Sequence[int], steps: int) -> float:
    """Seconds of fitting records for so many steps."""
    short = RowFitter(shortened(fitter.recipe, steps), fitter.source, fitter.objects, fitter.engine)
    begun = perf_counter()
    short.fit(rows)
    return perf_counter() - begun


def _part(rows: Sequence[int], count: int) -> list[int]:
    """So many of them, evenly spread."""
    count = min(count, len(rows))
    return [rows[(2 * i + 1) * len(rows) // (2 * count)] for i in range(count)]


def _trial(start: float, seconds: float, steps: int, records: Records | None) -> Trial:
    none = np.empty(0, np.float32)
    if records is None:
        return Trial(start, seconds, steps, _peak_bytes(), (), 0, 0, none, none)
    status, iou = records.columns["status"], records.columns.get("iou", none)
    return Trial(
        start=start,
        seconds=seconds,
        steps=steps,
        memory=_peak_bytes(),
        rows=tuple(records.columns["record_id"].tolist()),
        failed=int(np.count_nonzero(status == Status.diverged)),
        converged=int(np.count_nonzero(status == Status.converged)),
        psnr=records.columns["psnr"],
        iou=iou[iou != NO_IOU],
    )
