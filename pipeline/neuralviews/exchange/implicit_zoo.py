"""The fields of Implicit-Zoo (Ma et al., NeurIPS 2024): a file a field, named by label, image and seed.

``{train|val}/ckpts/{label}/{index}_{seed}.ckpt`` holds the state dict as ``params``. Beside ``ckpts`` may lie
``{start}_{end}.json`` with PSNRs of the images of one run, which count from 0 wherever its range starts. The
images of either folder are numbered from 0; those of val are what torchvision calls test. In the names of an
export the index is the number of the object, and the seed that of the view, with a note that says so; of
several views PSNRs are those of the last, as in the program's own.
"""

import json
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..errors import SourceError
from ..field import MAX_NUMBER
from ..records import Split
from .convention import Convention
from .departures import departures
from .files import Files
from .format import Hints, Parse
from .listing import Entry, Listing, listed
from .note import NOTE
from .splits_file import found_splits, spread, unlisted
from .state_dicts import SEQUENTIAL, parser_of, saved, state_dict

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "Implicit-Zoo: a folder a label, a file a field"
LOOKS_FOR = "ckpts/<label>/<index>_<seed>.ckpt"
CONVENTION = Convention(omega=30.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

_FILE = re.compile(r"((?:.*/)?)ckpts/(\d{2,7})/(\d{6,10})_(\d{7,10})\.ckpt")
_KEY = re.compile(r"(?:^|/)((?:(?:train|val)/)?ckpts/\d+/\d+_\d+\.ckpt)$")
_PSNR = re.compile(r"((?:.*/)?)(\d{1,10})_(\d{1,10})\.json")
_INDEX = re.compile(r"\d{1,10}", re.ASCII)
_TRAINING_IMAGES = 50_000
"""Of CIFAR-10: those of val are numbered on after them."""
_ROOT = "cifar_inrs_data"
_UNLISTED = "no lists of splits: fields in folders val are val, all others train"


class _File(NamedTuple):
    """A field as its name tells; ``run`` is the folder of ``ckpts``, with '/' at the end, or empty."""

    name: str
    run: str
    label: int
    number: int
    seed: int

    @property
    def split(self) -> Split:
        return Split.val if f"/{self.run}".endswith("/val/") else Split.train


class _Run(NamedTuple):
    """What is known of the images of a folder: the number of the first, and PSNR by index."""

    start: int = 0
    psnr: Mapping[int, float] = MappingProxyType({})


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`; without lists, folders ``val`` are val, and all others train."""
    found = [
        _File(name, match[1], int(match[2]), int(match[3]), int(match[4]))
        for name, match in files.matching(_FILE)
    ]
    names = [file.name for file in found]
    splits, texts = found_splits(files, hints, names, _key)
    splits = spread(splits, {file.name: (file.run, file.number) for file in found})
    left_out = unlisted(names, splits)
    notes = [] if splits or hints.note else [_UNLISTED]
    runs, stated, unclear = _runs(files, found)
    texts, notes = (*texts, *stated), [*notes, *unclear]
    entries = _published(found, runs) if hints.note is None else _exported(found, runs, hints.note.views)
    return listed(
        (
            entry._replace(split=splits[entry.file][0]) if splits else entry
            for entry in entries
            if entry.file not in left_out
        ),
        CONVENTION,
        files.describe(),
        texts=texts,
        left_out=left_out,
        notes=tuple(notes),
        recipe="cifar10-implicit-zoo" if hints.note is None and _ROOT in files.describe(names[0]) else None,
    )


def _published(found: Sequence[_File], runs: Mapping[str, _Run]) -> Iterator[Entry]:
    """Fields as the names number them: views of an image are its seeds, from the least on."""
    by_image: dict[tuple[str, int, int], list[_File]] = defaultdict(list)
    for file in found:
        by_image[file.run, file.label, file.number].append(file)
    trained = (runs[file.run].start + file.number + 1 for file in found if file.split is Split.train)
    after = max([_TRAINING_IMAGES, *trained])
    for (run, _, index), files in by_image.items():
        psnr = runs[run].psnr.get(index) if len(files) == 1 else None  # of several, nobody says which
        for view, file in enumerate(sorted(files, key=lambda file: file.seed)):
            object_id = runs[run].start + index + (0 if file.split is Split.train else after)
            yield Entry(file.name, object_id, view, file.label, file.split, seed=file.seed, psnr=psnr)


def _exported(found: Sequence[_File], runs: Mapping[str, _Run], views: int) -> Iterator[Entry]:
    """Fields of an export, whose names hold the numbers of objects and views."""
    for file in found:
        psnr = runs[file.run].psnr.get(file.number) if views == 1 else None
        yield Entry(file.name, file.number, file.seed, file.label, file.split, psnr=psnr)


def _runs(files: Files, found: Sequence[_File]) -> tuple[dict[str, _Run], list[str], list[str]]:
    """What is known of each folder; the names of the files that say it; and what they leave unclear."""
    last: dict[str, int] = {}
    for file in found:
        last[file.run] = max(file.number, last.get(file.run, 0))
    stated: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for name, match in files.matching(_PSNR):
        if match[1] in last:
            stated[match[1]].append((name, int(match[2]), int(match[3])))
    runs, texts, unclear = {run: _Run() for run in last}, [], []
    for run, ranges in stated.items():
        if len(ranges) > 1:
            unclear.append(
                f"{run or './'}: {len(ranges)} files state PSNRs of other images by the same numbers: unused"
            )
            continue
        ((name, start, end),) = ranges
        # Names that count on from the start of the range need no help.
        runs[run] = _Run(start if last[run] < end - start else 0, _psnr(files, name))
        texts.append(name)
    return runs, texts, unclear


def _psnr(files: Files, name: str) -> dict[int, float]:
    value = files.json(name)
    pairs = value.items() if isinstance(value, dict) else ()
    found = {
        int(key): float(psnr)
        for key, psnr in pairs
        if _INDEX.fullmatch(key) and type(psnr) in (int, float) and abs(psnr) <= MAX_NUMBER
    }
    if not isinstance(value, dict) or len(found) != len(value):
        raise SourceError(
            f"{files.describe(name)}: expected a table from numbers of images to PSNRs; "
            "replace the file, or leave it out"
        )
    return found


def _key(path: str) -> str | None:
    """The part of a path that tells files apart, wherever they lie."""
    found = _KEY.search(path.replace("\\", "/"))
    return None if found is None else found[1]


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_of([SEQUENTIAL], "seq.0.weight, ... under params", inside="params.", varying="image_idx")


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; folders are train, and val for all others."""
    taken.require_labels("implicit-zoo")
    layers = [f"seq.{i}" for i in range(len(taken.store.spec.layers))]
    stated: dict[str, dict[int, float]] = {"train": {}, "val": {}}
    for start, records in taken.blocks():
        pairs = zip(records.weights, records.columns["psnr"].tolist(), strict=True)
        for place, (weights, psnr) in enumerate(pairs, start):
            folder = "train" if taken.split[place] == Split.train else "val"
            index = int(taken.object_id[place])
            name = f"{taken.label[place]:02d}/{index:06d}_{taken.view[place]:07d}.ckpt"
            params = OrderedDict(state_dict(taken.store.spec, weights, layers))
            sink.add(f"{_ROOT}/{folder}/ckpts/{name}", saved({"image_idx": index, "params": params}))
            if math.isfinite(psnr):
                stated[folder][index] = psnr
    for folder, table in stated.items():
        if table:
            sink.add(f"{_ROOT}/{folder}/0_{max(table) + 1}.json", json.dumps(table).encode())
    sink.add(f"{_ROOT}/{NOTE}", taken.note("implicit-zoo"))
    return (
        "seeds in the names are numbers of views, and indices those of objects",
        *departures(taken, CONVENTION),
    )
