"""The summary of a store, from one shard after another: exact, and little of any shard is kept."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from ..records import NO_IOU, ShapeTarget, Split
from .job import Job
from .manifest_schema import ErrorSummary, IouSummary, PsnrSummary, ShapeSummary, SplitSummary, Summary
from .object_runs import FACTS, ObjectRuns
from .schema import statuses

__all__ = ["KEPT", "Totals"]

KEPT = ("object_id", "view", "split", "psnr", "status", "shadow_psnr", "iou", "surface_error", *FACTS)
"""Columns that `Totals.add` needs, if the store has them."""


class Totals:
    """What is summed up of the shards of a job.

    Four bytes a record are kept of each order statistic, and of objects what `ObjectRuns` keeps.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shapes = job.max_disagreement is not None
        self._objects = ObjectRuns(["split", *FACTS] if self._shapes else ["split"])
        self._counts: dict[str, Counter[int]] = {"split": Counter(), "status": Counter()}
        self._psnr, self._shadow, self._iou, self._error = _Values(), _Values(), _Values(), _Values()

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take in the columns `KEPT` of the next shard."""
        self._objects.add(columns)
        for name, counts in self._counts.items():
            counts.update(dict(enumerate(np.bincount(columns[name]).tolist())))
        psnr = columns["psnr"]
        self._psnr.add(psnr[~np.isnan(psnr)])
        if self._job.layout.shadow:
            self._shadow.add(columns["shadow_psnr"])
        if self._shapes:
            self._iou.add(columns["iou"][columns["iou"] != NO_IOU])
            self._error.add(columns["surface_error"])

    def problems(self) -> Iterator[str]:
        """Why these cannot be the shards of one store; see `ObjectRuns.problems`."""
        return self._objects.problems()

    def summary(self) -> Summary:
        """What the manifest says of all shards."""
        objects = self._objects.objects()
        split, status = self._counts["split"], self._counts["status"]
        return Summary(
            splits={
                part.name: SplitSummary(split[part], int((objects["split"] == part).sum())) for part in Split
            },
            psnr=PsnrSummary(*self._psnr.quantiles(50, 5, 0)) if len(self._psnr) else UNSET,
            status={part.name: status[part] for part in statuses(self._job.kind)},
            shadow_psnr=PsnrSummary(*self._shadow.quantiles(50, 5, 0)) if len(self._shadow) else UNSET,
            shapes=self._shape_summary(objects) if self._shapes else UNSET,
        )

    def _shape_summary(self, objects: Mapping[str, NDArray[Any]]) -> ShapeSummary:
        # The limit is rounded as the column was, so that what lies at the limit is not beyond it.
        marked = objects["sign_disagreement"] > np.float32(self._job.max_disagreement or 0)
        return ShapeSummary(
            ErrorSummary(*self._error.quantiles(50, 95, 100)),
            {part.name: int((objects["target"] == part).sum()) for part in ShapeTarget},
            int(marked.sum()),
            IouSummary(*self._iou.quantiles(50, 5, 0)) if len(self._iou) else UNSET,
        )


class _Values:
    """float32 numbers in one growing buffer, for order statistics that are exact."""

    def __init__(self) -> None:
        self._buffer = array("f")

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, values: NDArray[np.float32]) -> None:
        self._buffer.frombytes(np.ascontiguousarray(values).data.cast("B"))

    def quantiles(self, *percents: int) -> list[float]:
        """For each percent p the element p (n - 1) div 100 of the n sorted values."""
        values = np.frombuffer(self._buffer, np.float32)
        places = [(len(values) - 1) * percent // 100 for percent in percents]
        values.partition(places)
        return [float(values[place]) for place in places]
