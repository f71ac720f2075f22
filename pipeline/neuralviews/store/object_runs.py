"""What spans the shards of a store: which views an object has, and what all its views must share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .reader import Store

__all__ = ["FACTS", "ObjectRuns", "object_problems"]

FACTS = ("sign_disagreement", "target", "repairs")
"""Columns of what is known of a shape, whichever field of it is asked."""

_VIEW_BITS = np.uint64(20)
"""Room for the number after the last view, which has 16 bits."""


class ObjectRuns:
    """Records by runs: neighbours of one object whose views are consecutive and whose facts are equal.

    A store that is ordered by object and view has a run an object, and one a shard, however many views there
    are; in any other order it has a run a record at most. So the whole of it need not be in memory.

    Args:
        facts: columns that belong to objects: ``split``, and of shapes `FACTS`.
    """

    def __init__(self, facts: Sequence[str]) -> None:
        self._facts = tuple(facts)
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._in_order = False

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take in the next records by ``object_id``, ``view`` and the facts, (n,) or wide."""
        object_id, view = columns["object_id"], columns["view"].astype(np.int32)
        if not len(object_id):
            return
        ends = (object_id[1:] != object_id[:-1]) | (view[1:] != view[:-1] + 1)
        for name in self._facts:
            ends |= _differs(columns[name][1:], columns[name][:-1])
        starts = np.r_[0, np.flatnonzero(ends) + 1]
        lengths = np.diff(starts, append=len(object_id))
        run = {name: columns[name][starts] for name in ("object_id", *self._facts)}
        self._in_order = False
        self._parts.append(run | {"first": view[starts], "stop": (view[starts] + lengths).astype(np.int32)})

    def problems(self) -> Iterator[str]:
        """Why these cannot be all records of a store: an object in two splits, a view of it twice, or facts
        of it that differ."""
        runs = self._sorted()
        same_object = runs["object_id"][1:] == runs["object_id"][:-1]
        place = runs["object_id"].astype(np.uint64) << _VIEW_BITS
        first, stop = (place + runs[name].astype(np.uint64) for name in ("first", "stop"))
        found = {name: same_object & _differs(runs[name][1:], runs[name][:-1]) for name in self._facts}
        if "split" in found and (crossing := found.pop("split")).any():
            yield f"object {runs['object_id'][int(np.argmax(crossing))]} is in more than one split"
        repeated = same_object & (first[1:] < np.maximum.accumulate(stop)[:-1])
        if repeated.any():
            row = int(np.argmax(repeated)) + 1
            yield f"object {runs['object_id'][row]} has view {runs['first'][row]} more than once"
        for name, differs in found.items():
            if differs.any():
                found_id = runs["object_id"][int(np.argmax(differs))]
                yield f"{name} of object {found_id} differs between its views"

    def objects(self) -> dict[str, NDArray[Any]]:
        """``object_id``, ascending, and facts of every object."""
        runs = self._sorted()
        found, rows = np.unique(runs["object_id"], return_index=True)
        return {"object_id": found} | {name: runs[name][rows] for name in self._facts}

    def _sorted(self) -> dict[str, NDArray[Any]]:
        """All runs by object and view."""
        if not self._in_order:
            runs = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
            order = np.lexsort((runs["first"], runs["object_id"]))
            self._parts, self._in_order = [{name: column[order] for name, column in runs.items()}], True
        return self._parts[0]


def object_problems(store: "Store") -> Iterator[str]:
    """Why the records of an open store cannot be right: see `ObjectRuns.problems`.

    Raises:
        IntegrityError: a shard is not what was published.
    """
    runs = ObjectRuns(["split"])
    for _, columns in store.scan("object_id", "view", "split"):
        runs.add(columns)
    yield from runs.problems()


def _differs(some: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,): which rows of two columns are not equal, wide ones in any entry."""
    unequal = np.asarray(some != others, np.bool_)
    return unequal if unequal.ndim == 1 else np.asarray(unequal.any(axis=1), np.bool_)
