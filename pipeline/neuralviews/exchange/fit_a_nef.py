"""The fields of Fit-a-NeF, which Neural Field Arena reads (Papa et al., CVPR 2024): many fields a file.

``<DATASET>/<NEF>/nefs_{start}-{end}.hdf5`` holds fields by number: that of the image in training and test
set together, plus as many as there are images for each seed before. ``nef.json`` beside them states omega.
Targets of images are normalised by channel, with numbers that follow from the name of the dataset. Splits are
those of Neural Field Arena, by number. In an export numbers go by split, and a note says of which objects.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SourceError
from ..field import MAX_NUMBER
from ..records import Split
from .convention import Convention
from .files import Files
from .fit_a_nef_export import export
from .fit_a_nef_params import LABELS, PARAM_CONFIG, PARAMS, param_table
from .format import Hints, Parse, Parsed
from .hdf5 import Hdf5, open_hdf5
from .layers import Dims
from .listing import Entry, Listing, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "Fit-a-NeF and Neural Field Arena: many fields a file"
LOOKS_FOR = "nefs_<start>-<end>.hdf5"

_FILE = re.compile(r"(?:.*/)?nefs_(\d{1,12})-(\d{1,12})\.hdf5")
_MOST_FIELDS = 1 << 22
"""Of all files together. Names alone could state more than the memory holds."""


@dataclass(frozen=True)
class _Dataset:
    """A dataset that Neural Field Arena reads.

    Args:
        ends: the first numbers after those of train, val and test.
        mean, std: of the channels of its images; None of shapes.
        recipe: whose source its objects are of, by number.
    """

    ends: tuple[int, int, int]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image_shape: tuple[int, int] | None = None
    recipe: str | None = None


_DATASETS: Mapping[str, _Dataset] = MappingProxyType(
    {
        "MNIST": _Dataset((55_000, 60_000, 70_000), (0.13066047,), (0.30810782,), (28, 28), "mnist"),
        "CIFAR10": _Dataset(
            (45_000, 50_000, 60_000),
            (0.49186882, 0.48265392, 0.44717726),
            (0.24697122, 0.24338895, 0.2615926),
            (32, 32),
            "cifar10",
        ),
        "MicroImageNet": _Dataset(
            (45_000, 50_000, 60_000),
            (0.46433758, 0.43394157, 0.38213177),
            (0.18949764, 0.18707175, 0.21445987),
            (64, 64),
        ),
        "ShapeNet": _Dataset((27_840, 31_320, 34_800)),
    }
)
_LOGITS = "outputs are logits of occupancy: inside where they are above 0"


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    hints.require_no_splits("fit-a-nef")
    ranges = {name: _range(files, name, match) for name, match in files.matching(_FILE)}
    _require_few(files, ranges)
    folder = files.one_folder(ranges)
    omega, texts = _omega(files, f"{folder}nef.json")
    if hints.note is not None:
        objects = hints.note.objects
        ids, splits = objects.object_id, [Split(part) for part in objects.split]
        return listed(
            _entries(files, ranges, ids, splits, hints.note.views),
            Convention(omega),
            files.describe(),
            texts=texts,
        )
    dataset, named_by = _dataset(files, folder)
    first, second, end = dataset.ends
    splits = [Split.train] * first + [Split.val] * (second - first) + [Split.test] * (end - second)
    return listed(
        _entries(files, ranges, range(end), splits, None),
        Convention(omega, mean=dataset.mean, std=dataset.std),
        files.describe(),
        texts=(*texts, *named_by),
        image_shape=dataset.image_shape,
        notes=() if dataset.mean else (_LOGITS,),
        recipe=dataset.recipe,
    )


def _range(files: Files, name: str, match: re.Match[str]) -> range:
    found = range(int(match[1]), int(match[2]))
    if not found:
        raise SourceError(
            f"{files.describe(name)}: found fields from {found.start} to {found.stop} by its name, expected "
            "one or more: rename it, or leave it out"
        )
    return found


def _require_few(files: Files, ranges: Mapping[str, range]) -> None:
    count = sum(map(len, ranges.values()))
    if count > _MOST_FIELDS:
        raise SourceError(
            f"{files.describe()}: found {count} fields by the names of {len(ranges)} files, expected at most "
            f"{_MOST_FIELDS}: import some of the files at a time"
        )


def _entries(
    files: Files,
    ranges: Mapping[str, range],
    ids: "tuple[int, ...] | range",
    splits: list[Split],
    views: int | None,
) -> Iterator[Entry]:
    for name, numbers in ranges.items():
        if views is not None and numbers.stop > views * len(ids):
            raise SourceError(
                f"{files.describe(name)}: found fields up to {numbers.stop} by its name, expected {views} "
                f"views of the {len(ids)} objects of the note beside it: restore what was exported"
            )
        for place, number in enumerate(numbers):
            view, signal = divmod(number, len(ids))
            yield Entry(name, ids[signal], view, split=splits[signal], place=place)


def _omega(files: Files, name: str) -> tuple[float | None, tuple[str, ...]]:
    """What ``nef.json`` states, and its name; None and no name without such a file."""
    if name not in files.names:
        return None, ()
    value = _at(files.json(name), "params", "omega_0")
    if type(value) not in (int, float) or not 0 < value <= MAX_NUMBER:
        raise SourceError(
            f"{files.describe(name)}: found params.omega_0 {value!r}, expected a positive number; restore "
            "the file, or take it away and give --omega"
        )
    return float(value), (name,)


def _dataset(files: Files, folder: str) -> tuple[_Dataset, tuple[str, ...]]:
    """Which dataset the fields are of, and the file that says so, if it is one."""
    config = f"{folder}cfg.json"
    parts = folder.split("/")
    name = _at(files.json(config), "dataset", "name") if config in files.names else None
    texts = () if name is None else (config,)
    if name is None and len(parts) > 2:
        name = parts[-3]
    known = _DATASETS.get(str(name))
    if known is None:
        found = "no name of one" if name is None else f"{name!r}"
        raise SourceError(
            f"{files.describe(folder)}: found {found}, but which images fields are of and how they are split "
            f"follows from the dataset alone, by cfg.json (dataset.name) or the folder above: expected "
            f"{', '.join(_DATASETS)}"
        )
    return known, texts


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    known: dict[tuple[str, int], tuple[Dims, NDArray[np.intp]]] = {}
    channels = None if listing.convention.mean is None else len(listing.convention.mean)

    def parse(data: bytes, where: str) -> Parsed:
        with open_hdf5(data, where) as file:
            params, text = file.array(PARAMS), file.text(PARAM_CONFIG)
            if params.dtype != np.float32 or params.ndim != 2:
                raise SourceError(
                    f"{where}: found params {params.dtype} {params.shape}, expected float32 (n, P): "
                    "replace the file"
                )
            _require_count(len(params), where)
            key = (text, params.shape[1])
            if key not in known:
                known.clear()
                known[key] = param_table(*key, f"{where}: {PARAM_CONFIG}")
            dims, columns = known[key]
            if channels not in (None, dims[-1]):
                raise SourceError(
                    f"{where}: found fields of {dims[-1]} channels, the images of the dataset that they are "
                    f"said to be of have {channels}: correct its name in cfg.json or of the folder"
                )
            label = _labels(file, len(params), where)
            return Parsed(dims, params.take(columns, axis=1), label)

    return parse


def _require_count(count: int, where: str) -> None:
    match = _FILE.fullmatch(where.rpartition("/")[2])
    if match is not None and int(match[2]) - int(match[1]) != count:
        raise SourceError(
            f"{where}: found {count} fields, expected {int(match[2]) - int(match[1])} as its name says: "
            "replace the file"
        )


def _labels(file: Hdf5, count: int, where: str) -> "NDArray[np.int64] | None":
    if LABELS not in file:
        return None
    labels = file.array(LABELS)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise SourceError(
            f"{where}: found labels {labels.dtype} {labels.shape}, expected whole numbers ({count},): "
            "replace the file"
        )
    return labels.astype(np.int64)
