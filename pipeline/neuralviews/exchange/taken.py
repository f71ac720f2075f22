"""Records of a store that an export takes, in the order of objects and views."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..fit.facts import FieldFacts, field_facts
from ..records import NO_LABEL, Records, Status
from .note import note_bytes

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Taken", "take"]

_BLOCK = 1024
_PROGRESS_AFTER = 2  # seconds


@dataclass(frozen=True, eq=False)
class Taken:
    """Records to write.

    Attributes:
        rows: (n,) record_ids by object and view.
        object_id, view, label, split: (n,) each, as the export numbers these rows: copies whose object has
            several labels are objects of their own, numbered by record_id.
        notes: what was not taken, and why, one a line.
    """

    store: "Store"
    facts: FieldFacts
    rows: NDArray[np.int64]
    object_id: NDArray[np.int64]
    view: NDArray[np.int64]
    label: NDArray[np.int64]
    split: NDArray[np.int64]
    notes: tuple[str, ...]
    progress: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """Where the first field of each object stands, ascending in object_id."""
        return np.flatnonzero(np.r_[True, self.object_id[1:] != self.object_id[:-1]])

    @cached_property
    def views(self) -> int:
        """One more than the largest view."""
        return int(self.view.max()) + 1

    @property
    def weight_bytes(self) -> int:
        """Of all weights together."""
        return 4 * len(self) * self.store.spec.parameters

    def note(self, exchange: str, order: NDArray[np.int64] | None = None) -> bytes:
        """The file that is laid beside the export; see `note.note_bytes`.

        Args:
            order: places in `firsts`, in the order in which the format numbers objects.
        """
        rows = self.firsts if order is None else self.firsts[order]
        objects = {name: getattr(self, name)[rows].tolist() for name in ("object_id", "label", "split")}
        return note_bytes(exchange, self.store, self.facts, self.views, objects)

    def fields(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Every field with its place among the rows: flat weights (P,)."""
        for start, records in self.blocks():
            yield from enumerate(records.weights, start)

    def blocks(self, size: int = _BLOCK) -> Iterator[tuple[int, Records]]:
        """Records in order, some at a time, each with the place of its first row."""
        starts = range(0, len(self), size)
        groups = (np.arange(start, min(start + size, len(self))) for start in starts)
        yield from zip(starts, self.read(groups), strict=True)

    def read(self, groups: Iterable[NDArray[np.int64]]) -> Iterator[Records]:
        """Records at the places of each group, one group after another; each place is in one of them."""
        from tqdm import tqdm

        hidden = None if self.progress else True  # None: shown on terminals alone
        bar = tqdm(total=len(self), unit=" fields", disable=hidden, delay=_PROGRESS_AFTER, file=sys.stderr)
        with bar:
            for places in groups:
                records = self.store.read(self.rows[places])
                yield records
                bar.update(len(records))

    def require_labels(self, exchange: str) -> None:
        """Refuse fields without a label, for a format that has to name one."""
        bare = np.flatnonzero(self.label == NO_LABEL)
        if len(bare):
            raise SpecError(
                f"{exchange}: object {self.object_id[bare[0]]} of {self.store.root} has no label, "
                "which this format needs; export to safetensors or npz"
            )

    def require_one_view(self, exchange: str) -> tuple[str, ...]:
        """Refuse several views of an object, for a format that knows objects alone.

        Returns:
            What of the views is lost, one a line.
        """
        if len(self.firsts) != len(self):
            raise SpecError(
                f"{exchange}: holds one field of an object, found {self.views} views in {self.store.root}; "
                "take --views 1, or export to multiview"
            )
        others = int((self.view != 0).sum())
        if not others:
            return ()
        return (f"{others:,} fields are of views other than 0: read from this format, all count as view 0",)


def take(store: "Store", rows: NDArray[np.int64], views: int | None, *, progress: bool = False) -> Taken:
    """The given records of a store but for those that diverged or were rejected, sorted.

    Args:
        views: only views numbered below this.
    Raises:
        SpecError: none is left.
        FormatError: the store does not say how its fields are rendered.
    """
    status, view = store.column("status")[rows], store.column("view")[rows]
    sound = status != Status.diverged
    kept = rows[sound & (np.ones(len(rows), np.bool_) if views is None else view < views)]
    notes = []
    if lost := int((~sound).sum()):
        notes.append(f"{lost:,} records left out: they diverged or were rejected")
    if store.kind == "augment":
        notes.append("soft labels left out: each copy has the class with the largest share")
    if not len(kept):
        raise SpecError(f"{store.root}: no sound record is among those chosen; choose others")
    columns = [store.column(name)[kept].astype(np.int64) for name in ("object_id", "view", "label", "split")]
    facts = field_facts(store)
    if _labels_differ(columns[0], columns[2]):
        columns[:2] = kept, np.zeros_like(kept)
        facts = replace(facts, source_recipe=None)  # whose numbers of objects these are not
        notes.append("copies are objects of their own here: several of one object have other labels")
    order = np.lexsort((columns[1], columns[0]))
    object_id, view, label, split = (column[order] for column in columns)
    return Taken(store, facts, kept[order], object_id, view, label, split, tuple(notes), progress)


def _labels_differ(object_id: NDArray[np.int64], label: NDArray[np.int64]) -> bool:
    """Whether an object has several labels, as copies that are mixed with others may have."""
    order = np.argsort(object_id, kind="stable")
    same = np.diff(object_id[order]) == 0
    return bool((same & (np.diff(label[order]) != 0)).any())
