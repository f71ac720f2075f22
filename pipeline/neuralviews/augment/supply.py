"""Fields of a store as a pipeline takes them, with their second parents: the way in, online and offline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .base import PartnerRule
from .batch import Batch, Context
from .context import context_of, label_columns, labels_of
from .partners import PartnerPool
from .row_runs import RowRuns

if TYPE_CHECKING:
    from ..draws import Draws
    from ..store.reader import Store
    from .compose import Compose

__all__ = ["Supply"]

_PARTNER_STREAM = 1 << 32  # beyond the streams of any pipeline's steps


@dataclass(frozen=True, eq=False)
class Supply:
    """Hands out fields of a store.

    Args:
        members: (N,) record ids of the fields in use; partners come from these alone.
    """

    store: "Store"
    members: NDArray[np.int64] | RowRuns

    @cached_property
    def context(self) -> Context:
        """What is known of all fields."""
        return context_of(self.store)

    @cached_property
    def pools(self) -> Mapping[int, PartnerPool]:
        """The records of each split that may be mixed with each other.

        Raises:
            OptionError: a split has too few.
        """
        members = np.asarray(self.members)
        split, label = (self.store.column(name)[members] for name in ("split", "label"))
        for name in label_columns(self.store):  # partners are from anywhere
            self.store.column(name)
        return {
            int(part): PartnerPool(members[split == part], label[split == part]) for part in np.unique(split)
        }

    def require(self, steps: "Compose") -> None:
        """Refuse a pipeline that cannot augment these fields.

        Raises:
            SpecError: such fields cannot be augmented like this.
            OptionError: a record has no partner.
        """
        steps.require(self.context)
        if steps.partner is not None:
            for pool in self.pools.values():
                pool.require(steps.partner)

    def partners(self, rows: NDArray[np.int64], draws: "Draws", rule: PartnerRule) -> NDArray[np.int64]:
        """A second parent for each record, from its own split, (n,) record ids."""
        split, found = self.store.column("split")[rows], np.empty(len(rows), np.int64)
        stream = draws.child(_PARTNER_STREAM)
        for part in np.unique(split):
            chosen = np.flatnonzero(split == part)
            found[chosen] = self.pools[int(part)].draw(rows[chosen], stream.take(chosen), rule)
        return found

    def batch(self, rows: NDArray[np.int64], partners: NDArray[np.int64] | None = None) -> Batch:
        """The fields of some records, and with ``partners`` their second parents."""
        found = Batch.of(self.context, self.store.weights(rows), labels_of(self.store, rows))
        return found if partners is None else replace(found, partner=self.batch(partners))
