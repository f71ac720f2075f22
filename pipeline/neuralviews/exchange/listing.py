"""What fields a set of files holds, as far as names and lists tell: one row a field, by object and view."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..records import NO_LABEL, Split
from .convention import Convention
from .layers import Dims

__all__ = ["UNREAD", "Entry", "Listing", "listed"]

UNREAD = -2
"""The label of a field that only its file tells."""

_MOST_OBJECTS = 1 << 32
_MOST_VIEWS = 1 << 16


class Entry(NamedTuple):
    """A field as its name tells.

    Attributes:
        file: the file that holds it.
        place: which of that file's fields it is.
        label: class, `NO_LABEL`, or `UNREAD`.
        split: None if nobody says.
        seed, psnr: None if nobody says.
    """

    file: str
    object_id: int
    view: int = 0
    label: int = UNREAD
    split: Split | None = None
    place: int = 0
    seed: int | None = None
    psnr: float | None = None


@dataclass(frozen=True, eq=False)
class Listing:
    """All fields of a set of files.

    Attributes:
        files: names of the files that hold fields.
        texts: names of other files that decide something, such as splits.
        file: (n,) which of ``files`` holds a field; ``place``: which of that file's fields it is.
        object_id, view, label, split: (n,) each; ``label`` may be `UNREAD`.
        seed: (n,) uint64, None if not all are known; ``psnr``: (n,) float32 with NaN, None if none is known.
        known: which of ``label`` and ``split`` somebody states.
        convention: how the fields are rendered.
        class_names, image_shape: see `fit.facts.FieldFacts`.
        attributes: names of the numbers that each file states of a field.
        left_out: file -> why it is no field of the set.
        notes: what whoever imports them should know, one a line.
        recipe: the one whose source such fields are of, as far as files and format tell.
        dims: of all fields, where the files themselves do not tell.
        assumed: whether conventions that nobody states are no more than the usual ones.
    """

    files: Sequence[str]
    texts: Sequence[str]
    file: NDArray[np.int64]
    place: NDArray[np.int64]
    object_id: NDArray[np.uint32]
    view: NDArray[np.uint16]
    label: NDArray[np.int32]
    split: NDArray[np.uint8]
    seed: NDArray[np.uint64] | None
    psnr: NDArray[np.float32] | None
    known: tuple[str, ...]
    convention: Convention
    class_names: tuple[str, ...] | None = None
    image_shape: tuple[int, int] | None = None
    attributes: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    recipe: str | None = None
    dims: Dims | None = None
    assumed: bool = False

    def __len__(self) -> int:
        return len(self.file)


def listed(
    entries: Iterable[Entry],
    convention: Convention,
    where: str,
    *,
    texts: Sequence[str] = (),
    class_names: tuple[str, ...] | None = None,
    image_shape: tuple[int, int] | None = None,
    attributes: tuple[str, ...] = (),
    left_out: Mapping[str, str] = MappingProxyType({}),
    notes: tuple[str, ...] = (),
    recipe: str | None = None,
    dims: Dims | None = None,
    assumed: bool = False,
) -> Listing:
    """Sort fields by object and view, and check what names alone can break.

    Args:
        where: what error messages call all the files.
    Raises:
        SourceError: there are no fields, one is there twice, an object is in two splits or has two labels, or
            a number is out of range.
    """
    rows = sorted(entries, key=lambda entry: (entry.object_id, entry.view))
    if not rows:
        raise SourceError(f"{where}: holds no field of this format; expected some")
    _require_sound(rows, where)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(row.file for row in rows))}
    seeds = [row.seed for row in rows if row.seed is not None]
    psnr = np.array([np.nan if row.psnr is None else row.psnr for row in rows], np.float32)
    known = [name for name in ("label", "split") if any(_states(row, name) for row in rows)]
    return Listing(
        tuple(numbers),
        tuple(texts),
        np.array([numbers[row.file] for row in rows], np.int64),
        np.array([row.place for row in rows], np.int64),
        np.array([row.object_id for row in rows], np.uint32),
        np.array([row.view for row in rows], np.uint16),
        np.array([row.label for row in rows], np.int32),
        np.array([Split.train if row.split is None else row.split for row in rows], np.uint8),
        np.array(seeds, np.uint64) if len(seeds) == len(rows) else None,
        None if np.isnan(psnr).all() else psnr,
        tuple(known),
        convention,
        class_names,
        image_shape,
        attributes,
        left_out,
        notes,
        recipe,
        dims,
        assumed,
    )


def _states(row: Entry, name: str) -> bool:
    return row.split is not None if name == "split" else row.label != NO_LABEL


def _require_sound(rows: Sequence[Entry], where: str) -> None:
    for row in (rows[0], rows[-1], max(rows, key=lambda row: row.view), min(rows, key=lambda row: row.view)):
        if not (0 <= row.object_id < _MOST_OBJECTS and 0 <= row.view < _MOST_VIEWS):
            raise SourceError(
                f"{where}: {row.file}: found object {row.object_id}, view {row.view}, "
                f"expected objects from 0 to {_MOST_OBJECTS - 1} and views from 0 to {_MOST_VIEWS - 1}"
            )
    for before, row in pairwise(rows):
        if before.object_id != row.object_id:
            continue
        if before.view == row.view:
            raise SourceError(
                f"{where}: found view {row.view} of object {row.object_id} twice, in {_at(before, row)} and "
                f"in {_at(row, before)}, expected it once: take one of them away"
            )
        for name in ("split", "label"):
            if getattr(before, name) != getattr(row, name):
                raise SourceError(
                    f"{where}: object {row.object_id} has another {name} in {_at(before, row)} "
                    f"than in {_at(row, before)}, expected one for all its views"
                )


def _at(row: Entry, other: Entry) -> str:
    """Where a field is, told apart from another."""
    return row.file if row.file != other.file else f"field {row.place} of {row.file}"
