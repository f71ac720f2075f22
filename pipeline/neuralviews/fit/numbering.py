"""Which row of a whole run a record is, wherever it lies now."""

import numpy as np
from numpy.typing import NDArray

from ..records import Records
from ..signals.base import Objects

__all__ = ["places_of", "run_rows"]


def places_of(object_id: NDArray[np.uint32], objects: Objects) -> NDArray[np.int64]:
    """Where objects stand among those of a run, (n,); of one that is not there, where another stands."""
    return np.minimum(np.searchsorted(objects.object_id, object_id), len(objects) - 1).astype(np.int64)


def run_rows(records: Records, objects: Objects, views: int) -> NDArray[np.int64]:
    """The row of each record in a run over these objects with so many views, (n,)."""
    places = places_of(records.columns["object_id"], objects)
    return places * views + records.columns["view"].astype(np.int64)
