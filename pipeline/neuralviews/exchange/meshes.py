"""Fields of shapes as meshes: a PLY file of each field's surface."""

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..fit.facts import field_facts
from ..fit.surface import field_mesh, record_targets, shape_values
from ..mesh.ply import ply_bytes
from ..records import NO_LABEL, ShapeTarget, Status
from .folder import add_file, prepare_folder

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["MOST_POINTS", "export_meshes"]

MOST_POINTS = 384
"""Along each edge of the cube; marching cubes takes some 4 GB of memory for so many."""

_NAMED_BY = ("record_id", "label", "object_id", "view")
_BLOCK = 256  # records read at a time
_LISTED = 20
_PROGRESS_AFTER = 2  # seconds

_NO_SURFACE = "no surface, no file"
_SHELL = "unsigned distances, drawn as shells around their surfaces"
_DIVERGED = "diverged or rejected, so no likenesses of their shapes"
_NOTES = (_NO_SURFACE, _SHELL, _DIVERGED)


class _Item(NamedTuple):
    """A record, its file's name, what it was fitted to, and whether that went wrong."""

    record: int
    name: str
    target: ShapeTarget
    diverged: bool


def export_meshes(
    store: "Store", rows: NDArray[np.int64], out: Path, *, resolution: int, progress: bool
) -> tuple[int, tuple[str, ...]]:
    """Write the surfaces of records as binary PLY files, in coordinates of the cube [-1, 1]^3.

    A file is named by its record, label, object and view, such as ``000012_chair_object4_v2.ply``, and its
    header states the dataset. A field without a surface makes no file, and is named in the notes.

    Returns:
        How many files there are, and the notes.
    Raises:
        OptionError: a resolution out of range.
        SpecError, OutputError, StoreError: as `export.export`.
    """
    from tqdm import tqdm

    if not 3 <= resolution <= MOST_POINTS:
        raise OptionError(f"resolution: found {resolution}, expected 3 to {MOST_POINTS}")
    values, items = shape_values(store), _items(store, rows)
    prepare_folder(out, [item.name for item in items])
    found: dict[str, list[int]] = defaultdict(list)
    hidden = None if progress else True  # None: shown on terminals alone
    for item in tqdm(items, disable=hidden, delay=_PROGRESS_AFTER, unit=" meshes"):
        weights = store.weights([item.record])[0]
        mesh = field_mesh(store.spec, weights, values, item.target, resolution)
        if len(mesh.faces):
            add_file(out, item.name, ply_bytes(mesh, _comments(store, item.record, resolution)))
        for note in _notes(item, has_surface=len(mesh.faces) > 0):
            found[note].append(item.record)
    notes = tuple(f"{note}: {_listed(found[note])}" for note in _NOTES if note in found)
    return len(items) - len(found[_NO_SURFACE]), notes


def _items(store: "Store", rows: NDArray[np.int64]) -> list[_Item]:
    names, items = field_facts(store).class_names, []
    for start in range(0, len(rows), _BLOCK):
        records = store.read(rows[start : start + _BLOCK])
        columns = {key: records.columns[key].tolist() for key in _NAMED_BY}
        for record, label, thing, view, target, status in zip(
            *columns.values(), record_targets(store, records), records.columns["status"], strict=True
        ):
            name = f"{record:06d}_{_label_part(names, label)}_object{thing}_v{view}.ply"
            items.append(_Item(record, name, ShapeTarget(target), status == Status.diverged))
    return items


def _notes(item: _Item, *, has_surface: bool) -> list[str]:
    """Which of the notes hold for a record."""
    holds = (not has_surface, has_surface and item.target is ShapeTarget.udf, has_surface and item.diverged)
    return [note for note, true in zip(_NOTES, holds, strict=True) if true]


def _listed(records: list[int]) -> str:
    more = len(records) - _LISTED
    text = ", ".join(map(str, records[:_LISTED]))
    return f"record{'s' * (len(records) > 1)} {text}" + (f" and {more:,} more" if more > 0 else "")


def _comments(store: "Store", record: int, resolution: int) -> list[str]:
    return [
        f"neuralviews dataset {store.dataset_id} record {record}",
        f"surface on {resolution}^3 points of the cube [-1, 1]^3",
    ]


def _label_part(names: tuple[str, ...] | None, label: int) -> str:
    """A label as part of a file's name: letters and digits of any source's name, and little else."""
    if label == NO_LABEL:
        return "unlabelled"
    name = names[label] if names is not None and label < len(names) else ""
    return re.sub(r"[^A-Za-z0-9]+", "-", name)[:40].strip("-") or f"label{label}"
