"""Where augmented copies come from: records of one parent store, whose objects and splits they keep."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import IntegrityError, OptionError
from ..records import NO_PARENT
from .job import Job
from .reader import Store, open_store

__all__ = ["Lineage"]


class Lineage:
    """What copies must agree with: the object and the split of every record of their parent store.

    Args:
        parent: the store; each of its shards that copies are of is proven by its hash.
    """

    def __init__(self, parent: Store) -> None:
        self._parent = parent

    @classmethod
    def open(cls, parent: Store | str | Path, job: Job, root: Path) -> Self:
        """The lineage of the store in ``root``, from what the caller says is its parent.

        Raises:
            OptionError: the records of this store were fitted; they have no parent.
            IntegrityError: another store than the one that the job names, or a damaged one.
        """
        if job.parent_id is None:
            raise OptionError(f"parent: {root} has none, its kind is {job.kind!r}; leave the parent out")
        parent = open_store(parent)
        if parent.dataset_id != job.parent_id:
            raise IntegrityError(
                f"{parent.root}: found dataset id {parent.dataset_id}, "
                f"expected {job.parent_id}, the parent of {root}; give the store that it was made from"
            )
        return cls(parent)

    def problems(self, columns: Mapping[str, NDArray[Any]], rows: range) -> Iterator[str]:
        """Why copies with these columns cannot be made from the parent's records; nothing if they can.

        Args:
            rows: their record_ids.
        """
        first, second = columns["parent_a"], columns["parent_b"]
        mixed = second != NO_PARENT
        if mixed.any():  # second parents are from anywhere
            self._parent.column("split")
        # A record with one parent is compared with that parent twice.
        parents = {"parent_a": first, "parent_b": np.where(mixed, second, first)}
        for name, parent in parents.items():
            unknown = parent >= len(self._parent)
            if unknown.any():
                row = int(np.argmax(unknown))
                yield (
                    f"{name} of record {rows[row]} is {parent[row]}, "
                    f"but the parent store has 0 to {len(self._parent) - 1}"
                )
                return
            crossing = self._parent.column_at("split", parent.astype(np.int64)) != columns["split"]
            if crossing.any():
                yield f"split of record {rows[int(np.argmax(crossing))]} is not that of its {name}"
        other = self._parent.column_at("object_id", first.astype(np.int64)) != columns["object_id"]
        if other.any():
            yield f"object_id of record {rows[int(np.argmax(other))]} is not that of its parent_a"
