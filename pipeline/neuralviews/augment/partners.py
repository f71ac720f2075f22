"""Second parents: whom a record may be mixed with, and the draw of one."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..records import NO_LABEL
from .base import PartnerRule

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["PartnerPool"]


class _Groups(NamedTuple):
    """Members side by side, group after group: for each, by ascending record id, where it stands."""

    members: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    place: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PartnerPool:
    """The records that may be mixed with each other: of one split, and of its active views only.

    A partner from another split or from a view that is held back would leak what a model must not have
    seen, so such records are not in the pool at all.

    Args:
        rows: (N,) integers, their record ids, each once, in any order.
        label: (N,) integers, their classes; -1 means none.
    Raises:
        OptionError: fewer than two records, one of them twice, or arrays that do not fit each other.
    """

    rows: NDArray[np.integer[Any]]
    label: NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        if self.rows.ndim != 1 or self.rows.dtype.kind not in "iu" or self.label.shape != self.rows.shape:
            raise OptionError(
                f"partners: found {self.rows.dtype} {self.rows.shape} record ids and {self.label.shape} "
                "labels, expected (n,) integers each"
            )
        if len(self.rows) < 2:
            raise OptionError(
                f"partners: found {len(self.rows)} records to mix with each other, expected 2 or more: "
                "use more objects or views"
            )
        repeated = np.flatnonzero(self._ids[1:] == self._ids[:-1])
        if len(repeated):
            raise OptionError(
                f"partners: found record {self._ids[repeated[0]]} twice, expected each record once"
            )

    def require(self, rule: PartnerRule) -> None:
        """Raise OptionError if a record of the pool has no partner by this rule."""
        if rule not in ("any", "class"):
            raise OptionError(f"partners: found rule {rule!r}, expected 'any' or 'class'")
        if rule == "any":
            return
        classes, counts = self._classes
        if classes[0] == NO_LABEL:
            raise OptionError(
                f"partners: found {counts[0]} records without a label, which no class has; "
                'use partner = "any"'
            )
        if counts.min() < 2:
            single = classes[counts.argmin()]
            raise OptionError(
                f"partners: found 1 record of class {single}, expected 2 or more of every class; "
                'use more objects or views, or partner = "any"'
            )

    def draw(
        self, rows: NDArray[np.integer[Any]], draws: "Draws", rule: PartnerRule = "any"
    ) -> NDArray[np.int64]:
        """One partner for each of some members, uniform over all others of the pool, or of its class.

        Args:
            rows: (n,) record ids.
            draws: one stream a row.
        Returns:
            (n,) int64 record ids; never the record itself.
        Raises:
            OptionError: a record is not in the pool, or `require` fails.
        """
        self.require(rule)
        at = np.minimum(np.searchsorted(self._ids, rows.astype(np.int64)), len(self._ids) - 1)
        strange = self._ids[at] != rows
        if strange.any():
            raise OptionError(f"partners: record {rows[strange.argmax()]} is not one of the pool")
        groups = self._everyone if rule == "any" else self._by_class
        # A float64 below 1 times an integer rounds below that integer, so the floor is in range.
        other = (draws.uniform(1)[:, 0] * (groups.size[at] - 1)).astype(np.int64)
        other += other >= groups.place[at]
        found: NDArray[np.int64] = groups.members[groups.start[at] + other]
        return found

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.rows, kind="stable")

    @cached_property
    def _ids(self) -> NDArray[np.int64]:
        return self.rows[self._order].astype(np.int64)

    @cached_property
    def _classes(self) -> tuple[NDArray[np.integer[Any]], NDArray[np.intp]]:
        return np.unique(self.label, return_counts=True)

    @cached_property
    def _everyone(self) -> _Groups:
        return self._grouped(np.zeros_like(self.label))

    @cached_property
    def _by_class(self) -> _Groups:
        return self._grouped(self.label[self._order])

    def _grouped(self, key: NDArray[np.integer[Any]]) -> _Groups:
        """Groups of equal keys, (N,) in the order of ascending record ids."""
        _, group, counts = np.unique(key, return_inverse=True, return_counts=True)
        starts = np.cumsum(counts) - counts
        order = np.argsort(group, kind="stable")
        place = np.empty(len(key), np.int64)
        place[order] = np.arange(len(key)) - np.repeat(starts, counts)
        return _Groups(self._ids[order], starts[group], counts[group], place)
