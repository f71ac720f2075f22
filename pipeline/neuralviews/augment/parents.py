"""Which records of a store are parents, and which copies are made of them, in which order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IntegrityError, PlanError
from ..records import Split, Status
from .plan import Plan
from .row_runs import RowRuns

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Copies", "largest_view", "parents_of"]

_MAX_VIEW = np.iinfo(np.uint16).max


def parents_of(store: "Store", plan: Plan) -> RowRuns:
    """record_id of every parent, ascending: of the plan's splits, of views numbered below its ``views``;
    diverged fields are left out.

    Raises:
        PlanError: there is none.
        IntegrityError: a shard of the store is not what was published.
    """
    found = RowRuns.joined(ids for ids, _ in _usable(store, plan))
    if not len(found):
        splits = store.manifest.summary.splits
        counts = ", ".join(f"{split.name} {splits[split.name].records}" for split in Split)
        among = f" among the views numbered below {plan.views}" if plan.views else ""
        raise PlanError(
            f"plan {plan.name}: {store.root} has no usable record in "
            f"{', '.join(s.name for s in plan.splits)}{among} (records: {counts}); "
            f"choose other splits{', or more views' if among else ''}"
        )
    return found


def largest_view(store: "Store", plan: Plan) -> int:
    """The largest view of any parent.

    Raises:
        IntegrityError: as `parents_of`.
    """
    return max(int(view.max()) for _, view in _usable(store, plan) if len(view))


def _usable(store: "Store", plan: Plan) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """record_id and view of the parents in each shard."""
    for rows, columns in store.scan("split", "status", "view"):
        chosen = np.isin(columns["split"], plan.splits)
        chosen &= columns["status"] != Status.diverged
        if plan.views is not None:
            chosen &= columns["view"] < plan.views
        places = np.flatnonzero(chosen)
        yield rows.start + places, columns["view"][places]


@dataclass(frozen=True, eq=False)
class Copies:
    """The rows of an augmented store: of each parent, of each pipeline, each copy, in this order.

    Args:
        parents: their N record_ids in the parent store.
    """

    parents: RowRuns
    pipelines: int
    copies: int

    def __len__(self) -> int:
        return len(self.parents) * self.pipelines * self.copies

    def parent(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """record_id of the parent of each row."""
        return self.parents[rows // (self.pipelines * self.copies)]

    def pipeline(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the pipeline that makes each row."""
        return rows // self.copies % self.pipelines

    def copy(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the copies that a pipeline makes of one parent each row is."""
        return rows % self.copies

    def rows_of(
        self, parents: NDArray[Any], pipelines: NDArray[Any], views: NDArray[Any]
    ) -> NDArray[np.int64]:
        """The inverse of `parent`, `pipeline` and `view`: which rows copies with these are.

        Raises:
            IntegrityError: a parent of which no copies are made.
        """
        place = self.parents.places(parents)
        unknown = place < 0
        if unknown.any():
            raise IntegrityError(
                f"found a copy of record {parents[int(np.argmax(unknown))]}, of which the plan makes none: "
                "the store is not what its plan makes of these parents"
            )
        made_by = place * self.pipelines + pipelines.astype(np.int64)
        rows: NDArray[np.int64] = made_by * self.copies + views.astype(np.int64) % self.copies
        return rows

    def view(self, rows: NDArray[np.int64], parent_view: NDArray[Any]) -> NDArray[np.int64]:
        """A number that no other copy of the same object has."""
        made = parent_view.astype(np.int64) * self.pipelines + self.pipeline(rows)
        return made * self.copies + self.copy(rows)

    def require_views(self, largest_parent_view: int) -> None:
        """Refuse, with a PlanError, more copies of an object than can be numbered."""
        copies = (largest_parent_view + 1) * self.pipelines * self.copies
        if copies > _MAX_VIEW + 1:
            raise PlanError(
                f"{copies} copies of an object ({largest_parent_view + 1} views x {self.pipelines} "
                f"pipelines x {self.copies} copies), at most {_MAX_VIEW + 1}; ask for fewer copies"
            )
