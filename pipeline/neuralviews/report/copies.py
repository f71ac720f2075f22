"""What strips show: augmented copies, where they come from, and what they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.stated import stated_copies
from ..errors import IntegrityError
from ..fit.facts import field_facts
from ..records import Records, Status
from .choice import choose
from .origins import Tiles, origins
from .painter import Painter
from .sheet import ALARM, INK, PALE, Tile
from .wording import decibels, shares_text

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Strip", "make_strips"]


@dataclass(frozen=True, eq=False)
class Strip:
    """One copy.

    Attributes:
        title: the pipeline that made it, and its record_id.
        label: its soft label.
        tiles: first parent, second parent (None without one), what the copy should render, and the copy;
            of the copy alone if its parents are not there.
    """

    title: str
    label: str
    tiles: Tiles


def make_strips(store: "Store", parent: "Store | None", painter: Painter, count: int) -> list[Strip]:
    """Draw up to ``count`` copies, evenly spread over the pipelines and then over the classes.

    The choice follows from the dataset id alone.

    Args:
        parent: the store that was augmented; None draws the copies alone.
        painter: of the copies; it draws their parents too.
    Raises:
        SpecError: the fields are neither images nor shapes.
        OptionError: what their surfaces are is not known.
        IntegrityError: another store than the parent, or copies that cannot be of its records.
        EngineError: this neuralviews has other versions of the operations than what made the store.
    """
    pipelines = stated_copies(store).plan.pipelines
    _require_pipelines(store, len(pipelines))
    kept = store.read(_choose(store, count))
    tiles = _copy_tiles(painter, kept)
    if parent is not None:
        before = origins(store, parent, painter, kept)
        tiles = [(*others, *own) for others, own in zip(before, tiles, strict=True)]
    columns, names = kept.columns, field_facts(store).class_names
    return [
        Strip(
            f"{pipelines[columns['pipeline'][row]].name}  #{columns['record_id'][row]}",
            shares_text(names, columns["classes"][row], columns["shares"][row]),
            tiles[row],
        )
        for row in range(len(kept))
    ]


def _choose(store: "Store", count: int) -> NDArray[np.int64]:
    """Rows, by pipeline and class; which class comes first differs by pipeline, so few copies show many."""
    pipeline, label = store.column("pipeline").astype(np.int64), store.column("label")
    classes, rank = np.unique(label, return_inverse=True)
    rows = choose(store, count, pipeline, (rank + pipeline) % len(classes))
    return rows[np.lexsort((rows, label[rows], pipeline[rows]))].astype(np.int64)


def _require_pipelines(store: "Store", count: int) -> None:
    largest = int(store.column("pipeline").max())
    if largest >= count:
        raise IntegrityError(
            f"{store.root}: found pipeline {largest}, expected 0 to {count - 1}, those of its plan; "
            "the store is not what its plan makes"
        )


def _copy_tiles(painter: Painter, kept: Records) -> list[Tiles]:
    """The copies themselves, with their PSNR against what they should render, before and after a repair."""
    tiles: list[Tiles] = []
    for row, image in enumerate(painter.fields(kept.weights)):
        psnr, before, status = (float(kept.columns[name][row]) for name in ("psnr", "psnr_before", "status"))
        rejected = status == Status.diverged
        quality = decibels(psnr) if before == psnr else f"{before:.1f} → {decibels(psnr)}"
        below = ("rejected", ALARM) if rejected else ("", PALE)
        tiles.append((Tile(image, "copy", ((quality, ALARM if rejected else INK), below)),))
    return tiles
