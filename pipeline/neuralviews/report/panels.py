"""What a gallery shows: some objects of a store, each with its source image and the views fitted to it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..fit.stated import StatedJob, stated_job
from ..records import Status
from .choice import choose
from .render import render_images, to_display
from .wording import label_text

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["NO_SOURCE_SHAPE", "Panel", "make_panels", "shape_without_source"]

NO_SOURCE_SHAPE = (32, 32)
"""Pixels that fields are drawn on when neither a source nor the store says how large the images are."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One object: images are (height, width) or (height, width, 3) in [0, 1]."""

    object_id: int
    label: str
    source: NDArray[np.float32] | None
    views: tuple[int, ...]
    images: tuple[NDArray[np.float32], ...]
    psnr: tuple[float, ...]
    diverged: tuple[bool, ...]


def make_panels(store: "Store", source: "Source | None", objects: int, views: int) -> list[Panel]:
    """Draw up to ``objects`` objects, evenly spread over the classes, with up to ``views`` views each.

    The choice follows from the dataset id alone.
    """
    object_id = store.column("object_id")
    shown = np.flatnonzero(np.isin(object_id, _choose(store, objects)))
    by_object: dict[int, list[int]] = defaultdict(list)
    for row in sorted(shown.tolist(), key=lambda row: int(store.column("view")[row])):
        by_object[int(object_id[row])].append(row)
    chosen = {key: rows[:views] for key, rows in by_object.items()}
    job, images = stated_job(store), _render(store, source, chosen)
    order = sorted(chosen, key=lambda key: (int(store.column("label")[chosen[key][0]]), key))
    return [_panel(store, job, source, key, chosen[key], images) for key in order]


def _choose(store: "Store", count: int) -> NDArray[np.uint32]:
    """Objects spread evenly over the classes."""
    ids, first_row = np.unique(store.column("object_id"), return_index=True)
    return ids[choose(store, count, store.column("label")[first_row])]


def shape_without_source(store: "Store") -> tuple[int, int]:
    """(height, width) to draw fields at when their source is not there."""
    return stated_job(store).source.image_shape or NO_SOURCE_SHAPE


def _render(
    store: "Store", source: "Source | None", chosen: dict[int, list[int]]
) -> dict[int, NDArray[np.float32]]:
    """Every chosen record as (height, width, channels), those of equal size in one go."""
    height, width = shape_without_source(store)
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for object_id, rows in chosen.items():
        shape = (height, width) if source is None else source.image_shape(object_id)
        by_shape[shape] += rows
    images: dict[int, NDArray[np.float32]] = {}
    for shape, rows in by_shape.items():
        weights = store.weights(np.array(rows, np.int64))
        images.update(zip(rows, render_images(store.spec, weights, shape), strict=True))
    return images


def _panel(
    store: "Store",
    job: StatedJob,
    source: "Source | None",
    object_id: int,
    rows: list[int],
    images: dict[int, NDArray[np.float32]],
) -> Panel:
    low, high = job.recipe.target.range
    original = None
    if source is not None:
        signal = source.signal(object_id)
        original = to_display(signal.values.reshape(*signal.shape, -1), (low, high))
    return Panel(
        object_id,
        label_text(job.source.class_names, int(store.column("label")[rows[0]])),
        original,
        tuple(int(store.column("view")[row]) for row in rows),
        tuple(to_display(images[row], (low, high)) for row in rows),
        tuple(float(store.column("psnr")[row]) for row in rows),
        tuple(bool(store.column("status")[row] == Status.diverged) for row in rows),
    )
