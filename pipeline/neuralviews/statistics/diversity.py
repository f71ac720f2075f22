"""How far apart views lie: those of one object, of a class, of other classes, before and after alignment."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws, row_seeds
from ..errors import OptionError, StoreError
from ..integers import whole_number
from ..records import NO_LABEL, Split, Status, split_named
from ..seeds import derive_seed
from ..store.reader import open_store
from ..symmetry.group import Group, check_group

if TYPE_CHECKING:
    from pathlib import Path

    from ..store.reader import Store

__all__ = ["Distance", "Diversity", "diversity"]

_BLOCK = 256  # pairs that are aligned at once
_MOST_PAIRS = 1_000_000

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Distance:
    """Mean squared distance of the flat weights of pairs of fields.

    Args:
        pairs: how many.
        before: as they are.
        after: with the second field brought next to the first.
    """

    pairs: int
    before: float
    after: float


@dataclass(frozen=True)
class Diversity:
    """How far apart the views of a split lie; None where it has no such pair.

    Args:
        group: the symmetries that alignment takes out.
        views: two views of one object.
        same_class: views of two objects of one class.
        other_class: views of objects of two classes; an object without a label is a class of its own.
    """

    group: Group
    views: Distance | None
    same_class: Distance | None
    other_class: Distance | None

    @property
    def ratio(self) -> tuple[float, float] | None:
        """How far views of one object lie apart, as a share of that of objects of other classes.

        Before and after alignment; 1 means that their weights do not tell views from other objects.
        """
        views, others = self.views, self.other_class
        if views is None or others is None or not min(others.before, others.after) > 0:
            return None
        return views.before / others.before, views.after / others.after


def diversity(
    store: "Store | str | Path",
    *,
    pairs: int = 256,
    group: Group = "phase",
    split: Split | str = "train",
    seed: int = 0,
) -> Diversity:
    """Measure pairs of usable views, drawn anew for each kind of pair.

    A pair is a view, uniform over all that have a counterpart, and one of its counterparts, uniform too.
    The same arguments give the same numbers to the last bit.

    Args:
        store: any store, or its folder.
        pairs: of each kind.
        group: what alignment takes out: see `align`.
        split: whose views.
        seed: of the draws, which also follow from the dataset id.
    Raises:
        OptionError: no pair is asked for, or more than a million.
        SpecError: an unknown group or split.
        StoreError: the split has no two usable views.
    """
    check_group(group)
    if whole_number(pairs) is None or not 1 <= pairs <= _MOST_PAIRS:
        raise OptionError(f"pairs: found {pairs!r}, expected 1 to {_MOST_PAIRS}")
    part, store = split_named(split), open_store(store)
    usable = (store.column("split") == part) & (store.column("status") != Status.diverged)
    rows = np.flatnonzero(usable)
    if len(rows) < 2:
        raise StoreError(
            f"{store.root}: split '{part.name}' has {len(rows)} usable records, expected 2 or more to "
            "compare; choose another split"
        )
    object_id = store.column("object_id")[rows].astype(np.int64)
    label = store.column("label")[rows].astype(np.int64)
    label = np.where(label == NO_LABEL, -1 - object_id, label)
    found = []
    for kind, within, apart in (
        ("views", object_id, rows),
        ("same class", label, object_id),
        ("other class", np.zeros_like(label), label),
    ):
        base = derive_seed(seed, store.dataset_id, "diversity", kind)
        chosen = _pairs(within, apart, Draws(row_seeds(base, np.arange(pairs))))
        found.append(None if chosen is None else _distance(store, rows[chosen[0]], rows[chosen[1]], group))
    return Diversity(group, *found)


def _pairs(within: Integers, apart: Integers, draws: Draws) -> tuple[Integers, Integers] | None:
    """Members of one group of ``within`` but of two groups of ``apart``; either may cut through the other.

    Args:
        within, apart: (N,) the groups of each member.
        draws: one stream a pair.
    Returns:
        The two members of each pair, (n,) each; None if no member has a counterpart.
    """
    order = np.lexsort((apart, within))
    group, part = within[order], apart[order]
    new_group = group[1:] != group[:-1]
    group_start, group_stop = _runs(new_group)
    start, stop = _runs(new_group | (part[1:] != part[:-1]))
    counterparts = (group_stop - group_start) - (stop - start)
    firsts = np.flatnonzero(counterparts)
    if not len(firsts):
        return None
    one, two = draws.uniform(2).T
    # A float64 below 1 times an integer rounds below that integer, so the floor is in range.
    first = firsts[(one * len(firsts)).astype(np.int64)]
    second = group_start[first] + (two * counterparts[first]).astype(np.int64)
    second += np.where(second >= start[first], stop[first] - start[first], 0)
    return order[first], order[second]


def _runs(changes: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Where the run begins and ends that each member is in, given whether each but the first begins one."""
    bounds = np.flatnonzero(np.r_[True, changes, True])
    lengths = np.diff(bounds)
    return np.repeat(bounds[:-1], lengths), np.repeat(bounds[1:], lengths)


def _distance(store: "Store", first: Integers, second: Integers, group: Group) -> Distance:
    from ..symmetry.align import align_weights  # needs numba

    before, after = list[float](), list[float]()
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        a, b = store.weights(first[block]), store.weights(second[block])
        aligned = align_weights(store.spec, a, b, group=group)
        before += aligned.before.tolist()
        after += aligned.after.tolist()
    count = len(before)
    return Distance(count, math.fsum(before) / count, math.fsum(after) / count)
