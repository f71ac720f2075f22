"""Formats by name, and what each of them offers."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..store.reader import Store

__all__ = ["FORMATS", "Export", "Exported", "exporter"]

FORMATS = ("meshes",)
"""Names of all formats, each that of its module."""


@dataclass(frozen=True)
class Exported:
    """What an export did: how many files it made, and what a reader of them should know, one a line."""

    files: int
    notes: tuple[str, ...] = ()


class Export(Protocol):
    """Writes records in a format; the same records make the same bytes."""

    def __call__(
        self, store: "Store", rows: "NDArray[np.int64]", out: Path, *, resolution: int, progress: bool
    ) -> Exported:
        """Write the given records to a folder.

        Args:
            rows: (k,) record_ids, in the order in which they are worked on.
            out: a folder that holds nothing, or files of this same export: these are left as they are.
            resolution: points along each edge of the domain, for formats that sample fields.
            progress: draw a bar on a terminal, once it has taken some seconds.
        Raises:
            SpecError: records that the format cannot hold.
            OutputError: the folder cannot be written to, or holds anything else.
            StoreError: the store cannot be used.
        """
        ...


def exporter(name: str) -> Export:
    """The function that writes a format, one of `FORMATS`."""
    found: Export = importlib.import_module(f".{name}", __package__).export
    return found
