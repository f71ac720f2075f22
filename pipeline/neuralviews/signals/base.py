"""What every source of signals offers: objects with labels and splits, and each object as a signal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..records import Split
from .samples import ShapeSamples

__all__ = ["Objects", "Signal", "Source"]


@dataclass(frozen=True)
class Objects:
    """The objects of a source, one per row.

    Args:
        object_id: (n,) uint32, ascending; an object keeps its id in every subset.
        label: (n,) int32, class number, or `NO_LABEL`.
        split: (n,) uint8, `Split`.
    """

    object_id: NDArray[np.uint32]
    label: NDArray[np.int32]
    split: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.object_id)

    def limited(self, count: int | None) -> "Objects":
        """At most ``count`` objects, or all: the splits in proportion, the lowest ids of each split.

        Seats go by largest remainder, ties to the earlier split, so the choice is the same everywhere.

        Raises:
            SourceError: ``count`` is below 1.
        """
        if count is None:
            return self
        if count < 1:
            raise SourceError(f"limit: found {count}, expected at least 1 object")
        if count >= len(self):
            return self
        sizes = [int(np.count_nonzero(self.split == split)) for split in Split]
        seats = [size * count // len(self) for size in sizes]
        rest = sorted(Split, key=lambda s: (-(sizes[s] * count % len(self)), s))
        for split in rest[: count - sum(seats)]:
            seats[split] += 1
        rows = np.sort(np.concatenate([np.flatnonzero(self.split == s)[: seats[s]] for s in Split]))
        return Objects(self.object_id[rows], self.label[rows], self.split[rows])


@dataclass(frozen=True)
class Signal:
    """One object, sampled.

    Args:
        coords: (p, d) float32; of images pixel centres in row-major order. Signals share it, so never
            write to it.
        values: (p, c) float32, in the target range of the recipe.
        shape: (height, width) of an image, p = height * width; None if the points lie on no grid.
        samples: of a shape, what was sampled of it; coords and values are made of its points.
    """

    coords: NDArray[np.float32]
    values: NDArray[np.float32]
    shape: tuple[int, int] | None
    samples: ShapeSamples | None = None


class Source(Protocol):
    """Where signals come from. Cheap to open again in another process.

    Attributes:
        objects: all objects; object_id is their number in the source, ascending, with gaps where some are
            left out.
        files: relative name -> SHA-256 of each file that decides a signal; empty if not hashed.
        class_names: names of the labels, if they have any.
        root: what `open_source` takes as the source root to open the same files again; None if it needs none.
        left_out: what of the source is no object, and why: name -> `reasons.Reason`.
        tools: libraries that decide a signal's bytes, and their versions.
    """

    @property
    def objects(self) -> Objects: ...

    @property
    def files(self) -> Mapping[str, str]: ...

    @property
    def class_names(self) -> tuple[str, ...] | None: ...

    @property
    def root(self) -> Path | None: ...

    @property
    def left_out(self) -> Mapping[str, str]: ...

    @property
    def tools(self) -> Mapping[str, str]: ...

    def signal(self, object_id: int) -> Signal:
        """An object as a signal.

        Raises:
            SourceError: it cannot be read, or is not what the recipe's field can learn.
        """
        ...

    def image_shape(self, object_id: int) -> tuple[int, int] | None:
        """(height, width) of an image; None for other objects, whose coordinates are their own."""
        ...
