"""What a gallery shows: some objects of a store, each with its source and the views fitted to it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..fit.facts import field_facts
from ..records import Status
from .choice import choose
from .painter import Painter, Painting
from .wording import label_text

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Panel", "make_panels"]


@dataclass(frozen=True, eq=False)
class Panel:
    """One object.

    Attributes:
        views: the numbers of its views that are shown.
        diverged: which of these diverged.
        painting: the pictures of it and of its views.
    """

    object_id: int
    label: str
    views: tuple[int, ...]
    diverged: tuple[bool, ...]
    painting: Painting


def make_panels(store: "Store", painter: Painter, objects: int, views: int) -> list[Panel]:
    """Draw up to ``objects`` objects, evenly spread over the classes, with up to ``views`` views each.

    The choice follows from the dataset id alone.
    """
    object_id = store.column("object_id")
    shown = np.flatnonzero(np.isin(object_id, _choose(store, objects)))
    by_object: dict[int, list[int]] = defaultdict(list)
    for row in sorted(shown.tolist(), key=lambda row: int(store.column("view")[row])):
        by_object[int(object_id[row])].append(row)
    chosen = {key: rows[:views] for key, rows in by_object.items()}
    paintings, names = painter.objects(chosen), field_facts(store).class_names
    label, view, status = (store.column(name) for name in ("label", "view", "status"))
    return [
        Panel(
            key,
            label_text(names, int(label[chosen[key][0]])),
            tuple(view[chosen[key]].tolist()),
            tuple((status[chosen[key]] == Status.diverged).tolist()),
            paintings[key],
        )
        for key in sorted(chosen, key=lambda key: (int(label[chosen[key][0]]), key))
    ]


def _choose(store: "Store", count: int) -> NDArray[np.uint32]:
    """Objects spread evenly over the classes."""
    ids, first_row = np.unique(store.column("object_id"), return_index=True)
    return ids[choose(store, count, store.column("label")[first_row])]
