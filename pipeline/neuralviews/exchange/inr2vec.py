"""The fields of inr2vec (De Luigi et al., ICLR 2023): a file a field, the class inside.

``{train|val|test}/{i}.h5`` holds one flat vector of a SIREN of a shape; meshes and points may lie beside it
in the file, and are passed over. Files of a split are numbered from 0; rounds of augmentation follow one
another, each through all shapes of the split in the same order. The files do not say which round is which, or
how wide layers are; the note of an export does both.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import SourceError
from ..field import MAX_WIDTH, FieldSpec
from ..records import Split
from ..store.schema import MAX_LABEL
from .convention import Convention
from .departures import departures
from .files import Files
from .format import Hints, Parse, Parsed
from .hdf5 import hdf5_bytes, open_hdf5
from .layers import Dims, dims_text
from .listing import Entry, Listing, listed
from .note import NOTE, Note

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "inr2vec: a file a field of a shape"
LOOKS_FOR = "{train,val,test}/<number>.h5"
CONVENTION = Convention(omega=30.0)

_FILE = re.compile(r"(?:(.*)/)?(train|val|test)/(\d{1,9})\.h5")
_PARAMS, _CLASS = "params", "class_id"
_ROOT = "inr2vec"
_LOGITS = "outputs are logits: of distances d of meshes, (d + 0.1) / 0.2 is their sigmoid"
_DIMS = "files do not state widths of layers: they are taken for 3-w-w-w-w-1, w by the number of parameters"


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`; without a note each file is an object of its own."""
    hints.require_no_splits("inr2vec")
    found = [(name, Split[match[2]], int(match[3])) for name, match in files.matching(_FILE)]
    files.one_folder(f"{match[1]}/" if match[1] else "" for _, match in files.matching(_FILE))
    if hints.note is not None:
        entries = _noted(files, found, hints.note)
        return listed(entries, CONVENTION, files.describe(), dims=hints.note.spec.dims)
    starts, start = {}, 0
    for split in Split:
        starts[split] = start
        start = max([start, *(start + number + 1 for _, part, number in found if part is split)])
    return listed(
        (Entry(name, starts[split] + number, split=split) for name, split, number in found),
        CONVENTION,
        files.describe(),
        notes=(_LOGITS, _DIMS),
    )


def _noted(files: Files, found: list[tuple[str, Split, int]], note: Note) -> Iterator[Entry]:
    objects: dict[Split, list[int]] = {split: [] for split in Split}
    for object_id, split in zip(note.objects.object_id, note.objects.split, strict=True):
        objects[Split(split)].append(object_id)
    for name, split, number in found:
        ids = objects[split]
        if number >= len(ids) * note.views:
            views = "1 view" if note.views == 1 else f"{note.views} views"
            raise SourceError(
                f"{files.describe(name)}: the note beside the export states {len(ids)} objects of "
                f"{split.name} and at most {views} of each, so that numbers end "
                "before this one: restore what was exported"
            )
        view, position = divmod(number, len(ids))
        yield Entry(name, ids[position], view, split=split)


def parser(listing: Listing) -> Parse:
    """See `Format`."""

    def parse(data: bytes, where: str) -> Parsed:
        with open_hdf5(data, where) as file:
            params, label = file.array(_PARAMS), file.array(_CLASS)
            if params.dtype != np.float32 or params.ndim != 1:
                raise SourceError(
                    f"{where}: found {_PARAMS} {params.dtype} {params.shape}, expected float32 (P,): "
                    "replace the file"
                )
            if label.dtype.kind not in "iu" or label.size != 1 or not 0 <= int(label.item()) <= MAX_LABEL:
                raise SourceError(
                    f"{where}: found {_CLASS} {label.dtype} {label.shape}, expected one class from 0 to "
                    f"{MAX_LABEL}: replace the file"
                )
            dims = _dims(len(params), listing.dims, where)
            return Parsed(dims, params[None], label.reshape(1).astype(np.int64))

    return parse


def _dims(count: int, stated: Dims | None, where: str) -> Dims:
    """Dims with so many parameters."""
    if stated is not None:
        if FieldSpec(stated).parameters != count:
            raise SourceError(
                f"{where}: found {count} parameters, expected {FieldSpec(stated).parameters} of "
                f"{dims_text(stated)} as the note beside the export states: restore what was exported"
            )
        return stated
    width = (math.isqrt(13 + 3 * count) - 4) // 3  # of 3 w^2 + 8 w + 1 parameters
    dims = (3, width, width, width, width, 1)
    if not 1 <= width <= MAX_WIDTH or FieldSpec(dims).parameters != count:
        raise SourceError(
            f"{where}: found {count} parameters, which no network 3-w-w-w-w-1 has (3-512-512-512-512-1 has "
            "790529): import the fields from a format that states their layers"
        )
    return dims


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; the class of each object must be known."""
    taken.require_labels("inr2vec")
    split = taken.split[taken.firsts]
    counts = Counter(split.tolist())
    position = np.empty(len(split), np.int64)
    for part in Split:
        position[split == part] = np.arange(counts[part])
    which = np.cumsum(np.isin(np.arange(len(taken)), taken.firsts)) - 1
    for place, weights in taken.fields():
        part, view = Split(int(taken.split[place])), int(taken.view[place])
        number = view * counts[part] + int(position[which[place]])
        data = hdf5_bytes({_PARAMS: weights, _CLASS: taken.label[place : place + 1].reshape(())})
        sink.add(f"{_ROOT}/{part.name}/{number}.h5", data)
    sink.add(f"{_ROOT}/{NOTE}", taken.note("inr2vec"))
    dims = taken.store.spec.dims
    notes = [
        "meshes and points are not in it: programs that reconstruct shapes need them beside",
        f"programs for this format take it that {_LOGITS}",
    ]
    if dims[0] != 3 or dims[-1] != 1 or len(dims) != 6 or len({*dims[1:-1]}) > 1:
        notes.append(f"fields are {dims_text(dims)}, where programs for this format take 3-w-w-w-w-1")
    return (*notes, *departures(taken, replace(CONVENTION, target_range=None)))
