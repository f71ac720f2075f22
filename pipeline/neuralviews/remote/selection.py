"""Which records of a published store are wanted, and which of its shards can hold them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..records import Split
from ..store.manifest_schema import Manifest

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Records that meet every condition that is not None.

    Args:
        split: name of the only split; ``views``: only views numbered below this.
        first_shards: only records of the first so many shards.
    """

    split: str | None = None
    views: int | None = None
    first_shards: int | None = None

    def __post_init__(self) -> None:
        if self.split is not None and self.split not in Split.__members__:
            raise OptionError(f"split: found {self.split!r}, expected one of {', '.join(Split.__members__)}")
        for name, value in (("views", self.views), ("first-shards", self.first_shards)):
            if value is not None and value < 1:
                raise OptionError(f"{name}: found {value}, expected at least 1")
        if (self.split, self.views, self.first_shards) == (None, None, None):
            raise OptionError("selection: found nothing, expected a split, views or first shards")

    def to_json(self) -> dict[str, Any]:
        """What the job of a subset states."""
        return asdict(self)

    def shards(self, manifest: Manifest, where: str) -> list[int]:
        """The shards that can hold such records, by what the manifest says.

        Raises:
            OptionError: none can.
        """
        count = len(manifest.shards)
        if self.first_shards is not None and self.first_shards > count:
            raise OptionError(f"first-shards: found {self.first_shards}, but {where} has {count}")
        entries = manifest.shards[: self.first_shards]
        chosen = [i for i, entry in enumerate(entries) if self.split is None or entry.splits[self.split]]
        if not chosen:
            found = {name: sum(entry.splits[name] for entry in entries) for name in Split.__members__}
            told = ", ".join(f"{number:,} of {name}" for name, number in found.items())
            raise OptionError(
                f"split: found no record of {self.split!r} in {where}; the {len(entries)} shards have {told}"
            )
        return chosen

    def require_views(self, number: int, where: str) -> None:
        """Refuse to ask for more than the views numbered below ``number``: all would be taken for a part.

        Raises:
            OptionError: says what the last one is numbered.
        """
        if self.views is not None and self.views > number:
            raise OptionError(
                f"views: found {self.views}, but the views in {where} are numbered up to {number - 1}; "
                f"ask for {number} or fewer: n takes the views numbered below n"
            )

    def rows(self, split: NDArray[np.uint8], view: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Places of the wanted records of a shard, ascending.

        Args:
            split, view: (n,) columns of the shard.
        """
        wanted = np.ones(len(split), np.bool_)
        if self.split is not None:
            wanted &= split == Split[self.split]
        if self.views is not None:
            wanted &= view < self.views
        return np.flatnonzero(wanted)
