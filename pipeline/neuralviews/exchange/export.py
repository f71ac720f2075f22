"""Records of a store written in another format: the one way out, whatever the format."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OptionError, SpecError
from .registry import EXPORTS, MESHES, get_format
from .sink import open_sink
from .taken import take

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..store.reader import Store

__all__ = ["RESOLUTION", "Exported", "export"]

_OTHER_ARCHIVES = (".npz", ".safetensors", ".tar", ".gz", ".tgz", ".h5", ".hdf5")
"""Names of folders that somebody took for files."""
_FILE_BYTES = 4096
"""What a field's file takes beside its weights, and a file system's block."""
RESOLUTION = 128


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes:
        count: how many fields were written, or meshes.
        notes: what a reader of them should know, one a line.
    """

    count: int
    notes: tuple[str, ...] = ()


def export(
    store: "Store",
    rows: "ArrayLike | None",
    to: str,
    out: str | Path,
    *,
    views: int | None = None,
    resolution: int | None = None,
    progress: bool = False,
) -> Exported:
    """Write records in a format; the same records make the same bytes.

    Fields that diverged or were rejected are left out, and counted in the notes. What is written appears
    under ``out`` at once when all of it is there; meshes, which take long, file by file.

    Args:
        rows: (k,) record_ids; None for all.
        to: one of `EXPORTS`.
        out: a folder that does not exist or is empty, or, of datasets, a file that ends in ``.zip``.
        views: only views numbered below this.
        resolution: of meshes: points along each edge of the domain; `RESOLUTION` unless said.
        progress: draw a bar on a terminal, once it has taken some seconds.
    Raises:
        OptionError: no such format, an option that it has not, a record twice, or a place in the store.
        IndexError: a record that the store does not have.
        SpecError: records that the format cannot hold.
        OutputError: the place cannot be written to, or holds anything else.
        StoreError: the store cannot be used.
    """
    if to not in EXPORTS:
        raise OptionError(f"format: found {to!r}, expected one of {', '.join(EXPORTS)}")
    if views is not None and views < 1:
        raise OptionError(f"views: found {views}, expected at least 1")
    chosen, out = store.checked_rows(range(len(store)) if rows is None else rows), Path(out)
    _require_possible(store, chosen, out)
    if to == MESHES:
        from .meshes import export_meshes

        if views is not None:
            chosen = chosen[store.column("view")[chosen] < views]
        if not len(chosen):
            raise SpecError(
                f"{store.root}: no record chosen is of a view numbered below {views}; choose others"
            )
        points = RESOLUTION if resolution is None else resolution
        return Exported(*export_meshes(store, chosen, out, resolution=points, progress=progress))
    if resolution is not None:
        raise OptionError(f"resolution: is of meshes, found the format {to}; leave it out")
    if out.suffix.lower() in _OTHER_ARCHIVES:
        raise OptionError(
            f"{out}: found a name that ends in {out.suffix}, expected a folder or a .zip archive"
        )
    taken = take(store, chosen, views, progress=progress)
    with open_sink(out, taken.weight_bytes + _FILE_BYTES * len(taken)) as sink:
        notes = get_format(to).export(taken, sink)
    return Exported(len(taken), (*taken.notes, *notes))


def _require_possible(store: "Store", rows: "NDArray[np.int64]", out: Path) -> None:
    """Refuse a record that is named twice, and what would be no part of the store in its folder."""
    found, times = np.unique(rows, return_counts=True)
    if len(found) < len(rows):
        raise OptionError(
            f"rows: found record {found[int(np.argmax(times > 1))]} more than once, expected each once"
        )
    if out.resolve().is_relative_to(store.folder.resolve()):
        raise OptionError(
            f"out: found {out}, which is in the store {store.root}; expected a folder of its own"
        )
