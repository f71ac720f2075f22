"""Do the columns of a generated store say what its job and its source come to? All records are checked."""

from typing import TYPE_CHECKING

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
    fit, classes = job.recipe.fit, job.source.class_names
    status, psnr, label = (store.column(name) for name in ("status", "psnr", "label"))
    sound = status != Status.diverged
    view, views = store.column("view"), job.recipe.views
    if store.job["kind"] == SUBSET:
        _require(store, "view", view < views, f"below {views}")
    else:
        rows = np.arange(len(store), dtype=np.uint64)
        _require(store, "view", view == rows % views, "record_id modulo views")
    _require(store, "steps", store.column("steps") <= fit.steps, f"at most {fit.steps}")
    _require(store, "psnr", psnr == psnr_from_loss(store.column("loss"), job.recipe.span), "that of its loss")
    if classes is not None:
        _require(store, "label", label < len(classes), f"one of {len(classes)} classes")
    if fit.min_psnr is not None:
        _require(store, "status", ~sound | (psnr >= fit.min_psnr), "diverged below the floor")
    if fit.target_psnr is None:
        _require(store, "status", status != Status.converged, "no target to converge to")
    else:
        # The target is a loss rounded to float32; its decibels may come out lower in the last place.
        reached = psnr >= np.float32(fit.target_psnr) - np.float32(1e-4)
        _require(store, "status", (status != Status.converged) | reached, "the target reached")
    if job.recipe.shape is not None:
        _check_targets(store, job.recipe.shape)


def _check_targets(store: "Store", shape: ShapeTable) -> None:
    """What shapes were fitted to is what the recipe makes of how far their signs can be trusted."""
    disagreement = store.column("sign_disagreement")
    beyond, target = disagreement > np.float32(shape.max_disagreement), ShapeTarget[shape.target]
    if target is ShapeTarget.udf:
        _require(store, "sign_disagreement", disagreement == 0, "0 where no inside is asked for")
    if shape.unreliable == "skip":
        _require(store, "sign_disagreement", ~beyond, f"at most {shape.max_disagreement:g}")
    expected = np.where(beyond & (shape.unreliable == "udf"), ShapeTarget.udf, target)
    _require(store, "target", store.column("target") == expected, "that of the recipe and its limit")


def check_against_source(store: "Store", job: StatedJob, source: "Source") -> None:
    """Every record is of the object that the source has at its place, with its label and split.

    Raises:
        IntegrityError: names the first record and column that are not.
    """
    objects = source.objects.limited(job.limit)
    position = np.arange(len(store)) // job.recipe.views
    if store.job["kind"] == SUBSET:
        position = places_of(store.column("object_id"), objects)
    if len(objects) != job.objects:
        raise IntegrityError(
            f"{store.root}: found {job.objects} objects, expected the {len(objects)} of the source"
        )
    for name in ("object_id", "label", "split"):
        _require(store, name, store.column(name) == getattr(objects, name)[position], "that of the source")


def _require(store: "Store", column: str, holds: NDArray[np.bool_], expected: str) -> None:
    wrong = np.flatnonzero(~holds)
    if len(wrong):
        found = store.column(column)[wrong[0]]
        raise IntegrityError(
            f"{store.root}: record {wrong[0]} states {column} {found}, expected {expected}: "
            "the store is not what its recipe makes"
        )
