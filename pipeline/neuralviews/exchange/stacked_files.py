"""Files of stacked fields: which fields they hold, and how those of a store are shared out among them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..field import split
from ..records import NO_LABEL, Split
from ..store.canonical import canonical_json
from .convention import CONVENTIONS, Convention
from .files import Files
from .format import Hints, Parse, Parsed
from .listing import Entry, Listing, listed
from .note import NOTE, Target
from .stacked import FORMAT, Stack, Stated, stack

if TYPE_CHECKING:
    from ..fit.stated_import import Origin
    from .sink import Sink
    from .taken import Taken

__all__ = ["Read", "Write", "export_stacked", "found_file", "listing_of", "parser_with"]

Read = Callable[[bytes, str], tuple[Mapping[str, NDArray[Any]], Stated | None]]
"""The arrays of a file and what it states of them; the text is what an error message calls it."""
Write = Callable[[Mapping[str, NDArray[Any]], bytes], bytes]
"""The bytes of a file of arrays and of what it states."""

_FILE_BYTES = 1 << 28
_BESIDE_BYTES = 64
"""Of a field, what is not its weights or attributes."""
_PART = re.compile(r"fields-(\d{5,})-of-(\d{5,})")


def found_file(files: Files, suffix: str) -> str | None:
    """Why these are files of stacked fields; None if they are not."""
    found = _names(files, suffix)
    return f"found {found[0]}" if found else None


def listing_of(files: Files, hints: Hints, suffix: str, read: Read) -> Listing:
    """The fields of all files that end so, in the order of their names."""
    hints.require_no_splits(suffix.removeprefix("."))
    names = _names(files, suffix)
    files.one_folder(names)
    _require_all_parts(files, names)
    entries: list[Entry] = []
    stated: Stated | None = None
    columns: set[str] | None = None
    width = 0
    for name in names:
        where = files.describe(name)
        found = stack(*read(files.read(name), where), where)
        has = {*found.columns}
        wide = 0 if found.attributes is None else found.attributes.shape[1]
        if columns is not None and (has, wide, found.stated) != (columns, width, stated):
            raise SourceError(
                f"{where}: has other columns or states other conventions than {names[0]}, expected the same "
                "in all files: import them apart"
            )
        columns, width, stated = has, wide, found.stated
        entries += _entries(name, found, len(entries))
    return listed(
        entries,
        Convention(omega=None) if stated is None else _convention(stated),
        files.describe(),
        class_names=None if stated is None else stated.class_names,
        image_shape=None if stated is None else stated.image_shape,
        attributes=_attribute_names(stated, width),
        assumed=stated is None,
    )


def _names(files: Files, suffix: str) -> list[str]:
    return [name for name in files.names if name.endswith(suffix)]


def _require_all_parts(files: Files, names: list[str]) -> None:
    """Refuse a part of several files that were written together."""
    stems = [name.rpartition("/")[2].rpartition(".")[0] for name in names]
    parts = [match for stem in stems if (match := _PART.fullmatch(stem))]
    for count in {int(match[2]) for match in parts}:
        found = {int(match[1]) for match in parts if int(match[2]) == count}
        if len(found) != count:
            raise SourceError(
                f"{files.describe()}: found {len(found)} of {count} files fields-<i>-of-{count:05d}, "
                "expected all: import their folder, whole"
            )


def _entries(name: str, found: Stack, start: int) -> Iterator[Entry]:
    count, columns = len(found.weights), found.columns
    object_id = columns.get("object_id", np.arange(start, start + count)).tolist()
    view = columns.get("view", np.zeros(count, np.int64)).tolist()
    label = columns.get("label", np.full(count, NO_LABEL)).tolist()
    parts = [Split(part) for part in columns["split"].tolist()] if "split" in columns else [None] * count
    seed = columns["seed"].tolist() if "seed" in columns else [None] * count
    psnr = columns["psnr"].tolist() if "psnr" in columns else [None] * count
    for place in range(count):
        yield Entry(
            name,
            object_id[place],
            view[place],
            label[place],
            parts[place],
            place,
            seed[place],
            psnr[place],
        )


def _attribute_names(stated: Stated | None, width: int) -> tuple[str, ...]:
    return tuple(map(str, range(width))) if stated is None else stated.attributes


def _convention(stated: Stated) -> Convention:
    spec, target = stated.spec, stated.target
    values = {name: getattr(spec, name) for name in CONVENTIONS if name != "target_range"}
    origin: dict[str, Origin] = dict.fromkeys(CONVENTIONS, "files")
    return Convention(**values, target_range=target.range, mean=target.mean, std=target.std, origin=origin)


def parser_with(read: Read) -> Parse:
    """What parses such files."""

    def parse(data: bytes, where: str) -> Parsed:
        found = stack(*read(data, where), where)
        return Parsed(found.dims, found.weights, found.columns.get("label"), found.attributes)

    return parse


def export_stacked(taken: "Taken", sink: "Sink", exchange: str, write: Write) -> tuple[str, ...]:
    """Records by object and view, in files of up to 256 MiB, each of which states its conventions."""
    store, spec = taken.store, taken.store.spec
    names = _stated_attributes(taken)
    low, high = taken.facts.target_range
    stated = Stated(
        FORMAT,
        1,
        store.dataset_id,
        taken.facts.name,
        spec.to_json(),
        Target((float(low), float(high)), *(taken.facts.channels or ())),
        taken.facts.class_names,
        taken.facts.image_shape,
        names,
    )
    meta = canonical_json(msgspec.to_builtins(stated))
    known = store.made_by.get("known") if store.kind == "import" else ("seed", "psnr")
    rows = max(1, _FILE_BYTES // (4 * (spec.parameters + len(names)) + _BESIDE_BYTES))
    count = -(-len(taken) // rows)
    for start, records in taken.blocks(rows):
        arrays: dict[str, NDArray[Any]] = {}
        for i, (weight, bias) in enumerate(split(spec, records.weights)):
            arrays[f"layers.{i}.weight"] = np.ascontiguousarray(weight)
            arrays[f"layers.{i}.bias"] = np.ascontiguousarray(bias)
        columns = records.columns
        for name in ("object_id", "view", "label"):
            arrays[name] = getattr(taken, name)[start : start + len(records)]
        arrays["split"] = columns["split"]
        arrays |= {name: columns[name] for name in ("seed", "psnr") if name in (known or ())}
        if names:
            arrays["attributes"] = columns["attributes"]
        part = "" if count == 1 else f"-{start // rows:05d}-of-{count:05d}"
        sink.add(f"fields{part}.{exchange}", write(arrays, meta))
    sink.add(NOTE, taken.note(exchange))
    return ()


def _stated_attributes(taken: "Taken") -> tuple[str, ...]:
    return tuple(taken.store.made_by.get("attributes", ())) if taken.store.kind == "import" else ()
