"""How fields of a store become pictures: one interface for images and for shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..augment.target import Target
from ..fit.facts import field_facts
from .sheet import PALE, Line

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..signals.shapes import ShapeSource
    from ..store.reader import Store

__all__ = ["Painter", "Painting", "Picture", "painter_of"]

Picture = NDArray[np.float32]
"""(height, width) or (height, width, 3) in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Pictures of one object.

    Attributes:
        source: what its fields were fitted to; None if that is not there.
        images: its views.
        quality: of each view, in two short lines; the second may be empty.
        note: what must be known of the object before its pictures are believed; no text if nothing.
    """

    source: Picture | None
    images: tuple[Picture, ...]
    quality: tuple[tuple[str, str], ...]
    note: Line = ("", PALE)


class Painter(Protocol):
    """Draws fields of one store, and what they come from.

    Attributes:
        canvas: the points at which fields are seen, in words; of images those of fields without a source.
    """

    @property
    def canvas(self) -> str: ...

    def objects(self, chosen: Mapping[int, Sequence[int]]) -> dict[int, Painting]:
        """Objects with their views.

        Args:
            chosen: object_id -> its rows of the store.
        """
        ...

    def fields(self, weights: NDArray[np.float32]) -> list[Picture]:
        """Copies (n, P) of a store of such, or their parents.

        Raises:
            OptionError: they do not say what they are; see `fit.surface.record_targets`.
        """
        ...

    def targets(
        self, target: Target, weights_a: NDArray[np.float32], weights_b: NDArray[np.float32] | None
    ) -> list[Picture]:
        """What such copies should render; see `augment.measure.render_target`.

        Raises:
            OptionError: as `fields`.
        """
        ...


def painter_of(store: "Store", source: "Source | None" = None) -> Painter:
    """The painter of a store's fields.

    Args:
        source: what the store was made from, if it is there.
    Raises:
        FormatError: the store does not say how its fields were fitted.
    """
    from .image_painter import ImagePainter
    from .shape_painter import ShapePainter

    if not field_facts(store).of_shapes:
        return ImagePainter(store, source)
    return ShapePainter(store, cast("ShapeSource | None", source))  # no other source serves such a recipe
