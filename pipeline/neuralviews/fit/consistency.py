"""Do the columns of a generated store say what its job and its source come to? All records are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IntegrityError
from ..recipe_schema import ShapeTable
from ..records import ShapeTarget, Status
from ..store.schema import SUBSET
from .engine import psnr_from_loss
from .numbering import places_of
from .stated import StatedJob

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["check_against_job", "check_against_source"]


def check_against_job(store: "Store", job: StatedJob) -> None:
    """Views, steps, labels, statuses and targets are possible under the recipe, and PSNR is that of the loss.

    Raises:
        IntegrityError: names the first record and column that are not.
    """
    shape = job.recipe.shape
    names = ["status", "psnr", "label", "view", "steps", "loss"]
    names += [] if shape is None else ["sign_disagreement", "target"]
    subset = store.job["kind"] == SUBSET
    for rows, columns in store.scan(*names):
        shard = _Shard(store, rows, columns)
        _check_fits(shard, job, subset)
        if shape is not None:
            _check_targets(shard, shape)


@dataclass(frozen=True)
class _Shard:
    """Columns of some rows of a store, as far as they are checked."""

    store: "Store"
    rows: range
    columns: Mapping[str, NDArray[Any]]

    def require(self, column: str, holds: NDArray[np.bool_], expected: str) -> None:
        """Raise an IntegrityError unless all records have what is expected in a column."""
        wrong = np.flatnonzero(~holds)
        if len(wrong):
            found = self.columns[column][wrong[0]]
            raise IntegrityError(
                f"{self.store.root}: record {self.rows[wrong[0]]} states {column} {found}, "
                f"expected {expected}: the store is not what its recipe makes"
            )


def _check_fits(shard: _Shard, job: StatedJob, subset: bool) -> None:
    fit, classes = job.recipe.fit, job.source.class_names
    status, psnr, label = (shard.columns[name] for name in ("status", "psnr", "label"))
    view, views = shard.columns["view"], job.recipe.views
    if subset:
        shard.require("view", view < views, f"below {views}")
    else:
        shard.require("view", view == np.array(shard.rows) % views, "record_id modulo views")
    shard.require("steps", shard.columns["steps"] <= fit.steps, f"at most {fit.steps}")
    shard.require("psnr", psnr == psnr_from_loss(shard.columns["loss"], job.recipe.span), "that of its loss")
    if classes is not None:
        shard.require("label", label < len(classes), f"one of {len(classes)} classes")
    if fit.min_psnr is not None:
        failed = status == Status.diverged
        shard.require("status", failed | (psnr >= fit.min_psnr), "diverged below the floor")
    if fit.target_psnr is None:
        shard.require("status", status != Status.converged, "no target to converge to")
    else:
        # The target is a loss rounded to float32; its decibels may come out lower in the last place.
        reached = psnr >= np.float32(fit.target_psnr) - np.float32(1e-4)
        shard.require("status", (status != Status.converged) | reached, "the target reached")


def _check_targets(shard: _Shard, shape: ShapeTable) -> None:
    """What shapes were fitted to is what the recipe makes of how far their signs can be trusted."""
    disagreement = shard.columns["sign_disagreement"]
    beyond, target = disagreement > np.float32(shape.max_disagreement), ShapeTarget[shape.target]
    if target is ShapeTarget.udf:
        shard.require("sign_disagreement", disagreement == 0, "0 where no inside is asked for")
    if shape.unreliable == "skip":
        shard.require("sign_disagreement", ~beyond, f"at most {shape.max_disagreement:g}")
    expected = np.where(beyond & (shape.unreliable == "udf"), ShapeTarget.udf, target)
    shard.require("target", shard.columns["target"] == expected, "that of the recipe and its limit")


def check_against_source(store: "Store", job: StatedJob, source: "Source") -> None:
    """Every record is of the object that the source has at its place, with its label and split.

    Raises:
        IntegrityError: names the first record and column that are not.
    """
    objects = source.objects.limited(job.limit)
    if len(objects) != job.objects:
        raise IntegrityError(
            f"{store.root}: found {job.objects} objects, expected the {len(objects)} of the source"
        )
    names = ("object_id", "label", "split")
    for rows, columns in store.scan(*names):
        position = np.array(rows) // job.recipe.views
        if store.job["kind"] == SUBSET:
            position = places_of(columns["object_id"], objects)
        shard = _Shard(store, rows, columns)
        for name in names:
            shard.require(name, columns[name] == getattr(objects, name)[position], "that of the source")
