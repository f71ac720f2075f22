"""From record numbers to fitted records: signals, seeds, the engine, and second tries for failed fits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..recipe import Recipe
from ..records import COLUMNS, Records, Status
from ..work.worker import Progress
from .engine import Engine, FitResult, Signals
from .init import initial_weights
from .job import budget_of, first_seed, points_key, retry_seed
from .shadow import shadow_psnr

if TYPE_CHECKING:
    from ..signals.catalogue import Objects, Signal, Source
    from ..signals.samples import ShapeSamples

__all__ = ["RowFitter"]

_BATCH_BYTES = 256 << 20
"""Of the targets that an engine is given at a time, however many fields it could take."""


@dataclass(frozen=True)
class RowFitter:
    """Fits the records of a recipe. Record r is view ``r % views`` of object ``r // views``.

    A record's bytes depend on the recipe, its object and its view alone, so any rows can be fitted
    anywhere, in any order and grouping.
    """

    recipe: Recipe
    source: "Source"
    objects: "Objects"
    engine: Engine

    def fit(self, rows: Sequence[int], progress: Progress | None = None) -> Records:
        """Fit the given records; ``progress`` hears the PSNRs of each batch as it is done."""
        results: list[FitResult] = []
        seeds: list[NDArray[np.uint64]] = []
        more: list[dict[str, NDArray[Any]]] = []
        for batch, signals, samples in self._batches(rows):
            result, used = self._fit_batch(batch, signals)
            results.append(result)
            seeds.append(used)
            if samples is not None:
                from .quality import shape_columns  # needs numba

                more.append(shape_columns(self.recipe, result.weights, samples))
            if self.recipe.fit.shadow is not None:
                more.append({"shadow_psnr": shadow_psnr(self.recipe, result.weights, signals)})
            if progress is not None:
                progress(result.psnr)
        records = self._records(rows, results, np.concatenate(seeds))
        if not more:
            return records
        joined = {name: np.concatenate([columns[name] for columns in more]) for name in more[0]}
        return Records(records.spec, records.weights, {**records.columns, **joined})

    def _batches(self, rows: Sequence[int]) -> Iterator[tuple[list[int], Signals, "ShapeSamples | None"]]:
        """Consecutive records whose signals share their coordinates, as many at a time as the engine takes
        and memory is meant to hold."""
        views = self.recipe.views
        for _, group in groupby(rows, lambda row: self._grid(self._index(row // views))):
            members = list(group)
            position = members[0] // views
            found: dict[int, Signal] = {position: self.source.signal(self._index(position))}
            size = max(1, min(self.engine.batch, _BATCH_BYTES // found[position].values.nbytes))
            for start in range(0, len(members), size):
                batch = members[start : start + size]
                wanted = {row // views for row in batch}
                # Views of one object may lie on both sides of a border of batches: decode it once.
                found = {i: found.get(i) or self.source.signal(self._index(i)) for i in sorted(wanted)}
                values = np.stack([found[row // views].values for row in batch])
                first = found[batch[0] // views]
                yield batch, Signals(first.coords, values, self.recipe.span), first.samples

    def _grid(self, object_id: int) -> tuple[int, int] | int:
        """What objects of equal coordinates share: images their size, shapes nothing but their id."""
        return self.source.image_shape(object_id) or object_id

    def _index(self, position: int) -> int:
        """Where the object at a position of this run's list stands in the source."""
        return int(self.objects.object_id[position])

    def _fit_batch(self, batch: list[int], signals: Signals) -> tuple[FitResult, NDArray[np.uint64]]:
        names = [(self._index(row // self.recipe.views), row % self.recipe.views) for row in batch]
        seeds = np.array([first_seed(self.recipe, *name) for name in names], np.uint64)
        result = self._from_seeds(signals, seeds)
        failed = self._failed(result)
        for attempt in range(1, self.recipe.fit.retries + 1):
            again = np.flatnonzero(failed)
            if not len(again):
                break
            fresh = np.array([retry_seed(self.recipe, *names[i], attempt) for i in again], np.uint64)
            subset = replace(signals, values=np.ascontiguousarray(signals.values[again]))
            retried = self._from_seeds(subset, fresh)
            self._keep_better(result, seeds, again, retried, fresh)
            failed = self._failed(result)
        result.status[failed] = Status.diverged
        return result, seeds

    def _from_seeds(self, signals: Signals, seeds: NDArray[np.uint64]) -> FitResult:
        spec = self.recipe.spec
        inits = initial_weights(spec, self.recipe.init.scheme, [int(seed) for seed in seeds])
        budget = budget_of(self.recipe)
        if budget.draws:
            keys = np.array([points_key(int(seed)) for seed in seeds], np.uint64)
            signals = replace(signals, keys=keys)
        return self.engine.fit(spec, signals, inits, budget)

    def _failed(self, result: FitResult) -> NDArray[np.bool_]:
        failed: NDArray[np.bool_] = result.status == Status.diverged
        if self.recipe.fit.min_psnr is not None:
            failed = failed | (result.psnr < self.recipe.fit.min_psnr)
        return failed

    def _keep_better(
        self,
        result: FitResult,
        seeds: NDArray[np.uint64],
        where: NDArray[np.intp],
        retried: FitResult,
        fresh: NDArray[np.uint64],
    ) -> None:
        """Take over a retry that succeeded or, among failures, the higher PSNR; earlier ones win ties."""
        better = ~self._failed(retried) | (retried.psnr > result.psnr[where])
        target = where[better]
        for name in ("weights", "psnr", "loss", "steps", "status"):
            getattr(result, name)[target] = getattr(retried, name)[better]
        seeds[target] = fresh[better]

    def _records(self, rows: Sequence[int], results: list[FitResult], seeds: NDArray[np.uint64]) -> Records:
        record_id = np.asarray(rows, np.uint64)
        position = (record_id // self.recipe.views).astype(np.intp)
        columns: dict[str, NDArray[Any]] = {
            "record_id": record_id,
            "object_id": self.objects.object_id[position],
            "view": record_id % self.recipe.views,
            "seed": seeds,
            "label": self.objects.label[position],
            "split": self.objects.split[position],
            **{
                name: np.concatenate([getattr(r, name) for r in results])
                for name in ("psnr", "loss", "steps", "status")
            },
        }
        weights = np.concatenate([r.weights for r in results])
        return Records(self.recipe.spec, weights, {k: v.astype(COLUMNS[k]) for k, v in columns.items()})
