"""Records of a store from the files that they are imported from, a shard at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..recipe import recipe_from_canonical
from ..records import COLUMNS, IMPORTED_COLUMNS, Records, Status
from ..signals.catalogue import open_source
from .compare import Comparison, Measured
from .convention import Convention
from .listing import Listing
from .opened import Fields, Place, open_place
from .survey import rows_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..field import FieldSpec
    from ..store.job import Job
    from ..work.worker import Progress

__all__ = ["ImportMaker"]

_BLOCK = 1024
"""Records that are measured between two signs of progress."""


@dataclass(frozen=True)
class ImportMaker:
    """Where a run writes and reads; see `work.worker.Maker`.

    Args:
        root: the store's folder.
        convention: of the fields, to measure them by.
        source_root: folder of the files of the source that the job names, if it names one.
    """

    root: Path
    place: Place
    convention: Convention
    source_root: Path | None

    def __hash__(self) -> int:
        return hash((self.root, self.place))

    def open(self, job: "Job") -> "Callable[[range, Progress], Records]":
        """Open the files and the source."""
        opened, content = open_place(self.place), job.content
        kept, compared = rows_kept(opened, content["source"]["left_out"]), content["compared"]
        comparison = None
        if compared is not None:
            # The run hashed the source's files; a worker only reads them.
            recipe = recipe_from_canonical(compared["recipe"])
            source = open_source(recipe, self.source_root, hash_files=False)
            comparison = Comparison(recipe, source)
        return _Reader(self.place, kept, job.spec, self.convention, comparison).make


@dataclass(frozen=True, eq=False)
class _Reader:
    """Makes records of the kept rows of a listing."""

    place: Place
    kept: NDArray[np.int64]
    spec: "FieldSpec"
    convention: Convention
    comparison: Comparison | None

    def make(self, rows: range, progress: "Progress") -> Records:
        """Records of a range of rows; ``progress`` hears the PSNRs of each block."""
        opened = open_place(self.place)
        chosen = self.kept[rows.start : rows.stop]
        fields = opened.read(chosen, self.spec.dims)
        parts = []
        for start in range(0, len(chosen), _BLOCK):
            block = slice(start, start + _BLOCK)
            parts.append(self._quality(opened.listing, chosen[block], fields.weights[block]))
            progress(parts[-1].psnr)
        quality = Measured(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        columns = _columns(opened.listing, chosen, rows, fields, quality)
        return Records(self.spec, fields.weights, columns)

    def _quality(self, listing: Listing, rows: NDArray[np.int64], weights: NDArray[np.float32]) -> Measured:
        if self.comparison is not None:
            objects = listing.object_id[rows].tolist()
            return self.comparison.measure(self.spec, self.convention, weights, objects)
        unknown = np.full(len(rows), np.nan, np.float32)
        return Measured(unknown, unknown if listing.psnr is None else listing.psnr[rows])


def _columns(
    listing: Listing, chosen: NDArray[np.int64], rows: range, fields: Fields, quality: Measured
) -> dict[str, NDArray[Any]]:
    """All columns of some rows of a listing, which are these rows of the store."""
    overflowed = quality.loss == np.finfo(np.float32).max
    columns = {
        "record_id": np.arange(rows.start, rows.stop),
        "object_id": listing.object_id[chosen],
        "view": listing.view[chosen],
        "seed": np.zeros(len(chosen)) if listing.seed is None else listing.seed[chosen],
        "label": fields.label,
        "split": listing.split[chosen],
        "psnr": quality.psnr,
        "loss": quality.loss,
        "steps": np.zeros(len(chosen)),
        "status": np.where(overflowed, Status.diverged, Status.unknown),
    }
    typed = {name: np.asarray(column).astype(COLUMNS[name]) for name, column in columns.items()}
    if fields.attributes is not None:
        typed["attributes"] = fields.attributes.astype(IMPORTED_COLUMNS["attributes"])
    return typed
