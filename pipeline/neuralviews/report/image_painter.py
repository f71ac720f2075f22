"""Fields of images as pictures."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.target import Target
from ..fit.facts import field_facts
from .painter import Painting, Picture
from .render import render_images, render_targets, to_display
from .wording import decibels

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["NO_SOURCE_SHAPE", "ImagePainter"]

NO_SOURCE_SHAPE = (32, 32)
"""Pixels that fields are drawn on when neither a source nor the store says how large the images are."""


def _quality(psnr: float) -> str:
    return "PSNR unknown" if math.isnan(psnr) else decibels(psnr)


class ImagePainter:
    """See `Painter`.

    Attributes:
        shape: (height, width) to draw fields at when their source is not there.
    """

    def __init__(self, store: "Store", source: "Source | None" = None) -> None:
        self._store, self._source = store, source
        facts = field_facts(store)
        self._range, self._channels = facts.target_range, facts.channels
        origin = facts.source_recipe
        self._source_range = self._range if origin is None else origin.target.range
        self.shape = facts.image_shape or NO_SOURCE_SHAPE

    @property
    def canvas(self) -> str:
        height, width = self.shape
        return f"{height} × {width} pixels"

    def objects(self, chosen: Mapping[int, Sequence[int]]) -> dict[int, Painting]:
        images, psnr = self._render(chosen), self._store.column("psnr")
        return {
            object_id: Painting(
                self._original(object_id),
                tuple(images[row] for row in rows),
                tuple((_quality(float(psnr[row])), "") for row in rows),
            )
            for object_id, rows in chosen.items()
        }

    def fields(self, weights: NDArray[np.float32]) -> list[Picture]:
        return self._shown(render_images(self._store.spec, weights, self.shape))

    def targets(
        self, target: Target, weights_a: NDArray[np.float32], weights_b: NDArray[np.float32] | None
    ) -> list[Picture]:
        return self._shown(render_targets(self._store.spec, target, weights_a, weights_b, self.shape))

    def _render(self, chosen: Mapping[int, Sequence[int]]) -> dict[int, Picture]:
        """Every chosen record, those of equal size in one go."""
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for object_id, rows in chosen.items():
            by_shape[self._shape_of(object_id)] += rows
        images: dict[int, Picture] = {}
        for shape, rows in by_shape.items():
            rendered = render_images(self._store.spec, self._store.weights(np.array(rows, np.int64)), shape)
            images.update(zip(rows, self._shown(rendered), strict=True))
        return images

    def _shape_of(self, object_id: int) -> tuple[int, int]:
        shape = None if self._source is None else self._source.image_shape(object_id)
        return shape or self.shape

    def _original(self, object_id: int) -> Picture | None:
        if self._source is None:
            return None
        signal = self._source.signal(object_id)
        return to_display(signal.values.reshape(*self._shape_of(object_id), -1), self._source_range)

    def _shown(self, images: NDArray[np.float32]) -> list[Picture]:
        if self._channels is not None:
            mean, std = (np.array(part, np.float32) for part in self._channels)
            images = images * std + mean
        return [to_display(image, self._range) for image in images]
