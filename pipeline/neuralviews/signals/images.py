"""Images as signals: the part that all kinds of image sources share."""

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..grids import AxisOrder, image_grid
from ..recipe import Recipe
from .base import Objects, Signal, Source
from .pixels import Pixels
from .splits import assign_splits

__all__ = ["LONGEST_SIDE", "MOST_PIXELS", "ImageSource", "Images", "shared_shape"]

LONGEST_SIDE = 65_535
MOST_PIXELS = 1 << 26
"""Of images that all have one shape, which a store states within these bounds; others may be larger."""

_COLOURS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}


class Images(Protocol):
    """What one kind of source has to provide; images are numbered from 0.

    Attributes:
        labels: (n,) int32, class number or `NO_LABEL`.
        parts: (n,) uint8, the source's own `Split`; all train if it has none.
        class_names: names of the labels, if they have any.
        root: see `Source.root`.
    """

    @property
    def labels(self) -> NDArray[np.int32]: ...

    @property
    def parts(self) -> NDArray[np.uint8]: ...

    @property
    def class_names(self) -> tuple[str, ...] | None: ...

    @property
    def root(self) -> Path | None: ...

    def describe(self, index: int) -> str:
        """What an error message calls the image."""
        ...

    def pixels(self, index: int) -> Pixels: ...

    def twin(self, index: int) -> int:
        """An image that is known, before either is decoded, to have the same size; itself without one."""
        ...

    def hash_files(self) -> Mapping[str, str]:
        """Relative name -> SHA-256 of each file that decides a signal."""
        ...


class ImageSource:
    """Images under a recipe: its splits, its coordinates, its target range."""

    left_out: Mapping[str, str] = MappingProxyType({})
    tools: Mapping[str, str] = MappingProxyType({})

    def __init__(self, recipe: Recipe, images: Images, *, hash_files: bool) -> None:
        self._recipe = recipe
        self._images = images
        self.class_names = images.class_names
        self.root = images.root
        self.files: Mapping[str, str] = images.hash_files() if hash_files else {}
        self._shapes: dict[int, tuple[int, int]] = {}  # of twins that were decoded, which is the costly part

    @cached_property
    def objects(self) -> Objects:
        """All objects; object_id is 0..n-1."""
        labels = self._images.labels
        return Objects(
            np.arange(len(labels), dtype=np.uint32), labels, assign_splits(self._recipe, self._images.parts)
        )

    def signal(self, object_id: int) -> Signal:
        """The image as targets ``low + (high - low) * pixel / full_scale``, rounded once to float32."""
        pixels = self._pixels(object_id)
        height, width, channels = pixels.values.shape
        low, high = self._recipe.target.range
        targets = low + (high - low) * pixels.values.astype(np.float64) / pixels.full_scale
        coords = _shared_grid(height, width, self._recipe.field.axis_order)
        return Signal(coords, targets.astype(np.float32).reshape(-1, channels), (height, width))

    def image_shape(self, object_id: int) -> tuple[int, int]:
        """(height, width) of an object; it is decoded only if neither it nor its twin ever was."""
        twin = self._images.twin(object_id)
        if twin not in self._shapes:
            self._pixels(twin)
        return self._shapes[twin]

    def check_image(self, object_id: int) -> None:
        """Read an image and raise a SourceError unless it can be fitted."""
        self._pixels(object_id)

    def _pixels(self, object_id: int) -> Pixels:
        pixels = self._images.pixels(object_id)
        height, width, found = pixels.values.shape
        self._shapes[self._images.twin(object_id)] = (height, width)
        expected = self._recipe.spec.out_dim
        if found != expected:
            raise SourceError(
                f"{self._images.describe(object_id)}: found {found} channels ({_COLOURS[found]}), "
                f"expected {expected} ({_COLOURS[expected]}): convert the images, "
                f"or let the recipe's field.dims end in {found}"
            )
        return pixels


def shared_shape(source: Source, object_ids: Iterable[int]) -> tuple[int, int] | None:
    """(height, width) that all of these objects share, as a store states it; None if there is none.

    Raises:
        SourceError: it is one that no store can state.
    """
    shapes = {source.image_shape(int(object_id)) for object_id in object_ids}
    shape = shapes.pop() if len(shapes) == 1 else None
    if shape is not None and (max(shape) > LONGEST_SIDE or shape[0] * shape[1] > MOST_PIXELS):
        raise SourceError(
            f"{source.root}: found images that all have {shape[0]} x {shape[1]} pixels, "
            f"expected sides of at most {LONGEST_SIDE} and at most {MOST_PIXELS} pixels: scale them down"
        )
    return shape


@lru_cache(maxsize=64)
def _shared_grid(height: int, width: int, axis_order: AxisOrder) -> NDArray[np.float32]:
    grid = image_grid(height, width, axis_order)
    grid.setflags(write=False)
    return grid
