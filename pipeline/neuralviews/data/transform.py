"""Augmentations of batches as they are gathered: the very code that makes augmented stores."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..augment.base import Augmentation
from ..augment.batch import Batch
from ..augment.compose import Compose
from ..augment.supply import Supply
from ..draws import Draws, row_seeds
from ..errors import OptionError
from ..recipe_errors import shown
from ..seeds import derive_seed

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Copies", "Transform"]


class Copies(NamedTuple):
    """Copies of n records, and what they were made by."""

    batch: Batch
    params: NDArray[np.float32]
    """(n, columns), as `Compose.run` gives them."""
    partners: NDArray[np.int64] | None
    """(n,) record ids of the second parents; None where nothing is mixed."""


@dataclass(frozen=True, eq=False)
class Transform:
    """Makes an augmented copy of each record, another one each epoch.

    A copy follows from the seed, the dataset id, the epoch and the record, and so from neither the batch
    nor the worker that it is made in.
    """

    steps: Compose
    supply: Supply
    seed: int

    @classmethod
    def of(
        cls, transform: Augmentation | Compose, store: "Store", members: NDArray[np.int64], seed: int
    ) -> Self:
        """For the records in use, which alone may be partners.

        Raises:
            OptionError: no augmentation, or too few records to mix with each other.
            SpecError: such fields cannot be augmented like this.
            FormatError: the store does not say what its fields were fitted to.
        """
        if not isinstance(transform, Augmentation | Compose):
            raise OptionError(
                f"transform: found {shown(transform)}, expected an augmentation such as SignFlip(), "
                "or several in a Compose; a plan has some in plan.pipelines[0].steps"
            )
        steps, supply = Compose(transform), Supply(store, members)
        supply.require(steps)
        return cls(steps, supply, seed)

    def __call__(self, rows: NDArray[np.int64], epoch: int) -> Batch:
        """Copies of some records, whatever they render: only plans reject, and replace what overflows."""
        return self.copies(rows, epoch).batch

    def copies(self, rows: NDArray[np.int64], epoch: int) -> Copies:
        """The same with what they were made by."""
        _keep_freed_memory()
        base = derive_seed(self.seed, self.supply.store.dataset_id, "transform", epoch)
        draws, partners = Draws(row_seeds(base, rows)), None
        if self.steps.partner is not None:
            partners = self.supply.partners(rows, draws, self.steps.partner)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is served as it is
            batch, params = self.steps.run(self.supply.batch(rows, partners), draws)
        return Copies(batch, params, partners)


@cache
def _keep_freed_memory() -> None:
    """Have the allocator keep what a batch frees for the next one: three exact steps run a fifth faster.

    glibc hands large arrays back to the system and gets them anew, page by page, until it has seen one
    as large as this freed (mallopt(3), M_MMAP_THRESHOLD); the pages of this one are never touched.
    """
    np.empty(1 << 24, np.uint8)
