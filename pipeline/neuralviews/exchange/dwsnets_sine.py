"""The sine waves of DWSNets: fields of one coordinate, each with the amplitude and the frequency of its wave.

``model_{seed}.pth``: a state dict, and beside it ``coef``, a list of two numbers a and b, and the samples
``x`` and ``y = a sin(b x)`` as NumPy arrays, which are pickled with names of NumPy's own. Splits are lists of
paths, if there are any. The number in the names of an export is that of the object, with a note that says so.
"""

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SourceError, SpecError
from ..field import MAX_NUMBER
from ..records import NO_LABEL, Split
from . import dwsnets
from .departures import departures
from .files import Files
from .format import Hints, Parse, Parsed
from .layers import joined, named_layers
from .listing import Entry, Listing, listed
from .note import NOTE
from .splits_file import found_splits, last_parts, unlisted
from .state_dicts import SEQUENTIAL, save_statistics, saved, state_dict
from .torch_files import TorchFiles

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["ATTRIBUTES", "CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "DWSNets, sine waves: a file a field of one coordinate"
LOOKS_FOR = "model_<seed>.pth"
CONVENTION = replace(dwsnets.CONVENTION, target_range=(-10.0, 10.0))
ATTRIBUTES = ("amplitude", "frequency")

_FILE = re.compile(r"(?:(?:.*/)?(?!(?:train|test|checkpoints)/)[^/]+/)?model_(\d{1,10})\.pth")
"""Files of the same names in these folders are of other formats."""
_ROOT = "sine-regression-inrs"
_SAMPLES = 1000
"""As many as half a wave of frequency 1 has."""
_ARRAYS = (
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray._reconstruct",  # before NumPy 2
    "numpy.ndarray",
    "numpy.dtype",
)
"""What pickles of arrays name: the samples are not needed."""
_NOTES = ("coordinates run from -pi to pi", "target: amplitude * sin(frequency * x)")


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`; without lists all fields are for training."""
    numbers = {name: int(match[1]) for name, match in files.matching(_FILE)}
    splits, texts = found_splits(files, hints, list(numbers), last_parts(1))
    left_out = unlisted(list(numbers), splits)
    entries = [
        Entry(
            name,
            number,
            label=NO_LABEL,
            split=splits[name][0] if splits else None,
            seed=number if hints.note is None else None,
        )
        for name, number in numbers.items()
        if name not in left_out
    ]
    unlisted_note = () if splits or hints.note else ("no lists of splits: all fields are train",)
    return listed(
        entries,
        CONVENTION,
        files.describe(),
        texts=texts,
        attributes=ATTRIBUTES,
        left_out=left_out,
        notes=(*unlisted_note, *_NOTES),
    )


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    files = TorchFiles(_ARRAYS)

    def parse(data: bytes, where: str) -> Parsed:
        contents = files.read(data, where)
        layers = named_layers(contents.tensors, SEQUENTIAL, where, "seq.0.weight, seq.0.bias, ...")
        dims, weights = joined(layers, where)
        attributes = np.array([_coefficients(contents.others.get("coef"), where)], np.float32)
        return Parsed(dims, weights[None], attributes=attributes)

    return parse


def _coefficients(value: Any, where: str) -> list[float]:
    sound = isinstance(value, list) and [type(part) for part in value] == [float, float]
    if not sound or not all(abs(part) <= MAX_NUMBER for part in value):
        found = "none" if value is None else repr(value)[:40]
        raise SourceError(
            f"{where}: found coef {found}, expected a list of two numbers, {' and '.join(ATTRIBUTES)}"
        )
    return list(value)


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; one view of each object, and only fields that have these attributes."""
    lost = taken.require_one_view("dwsnets-sine")
    spec, stated = taken.store.spec, taken.store.made_by.get("attributes")
    if (spec.in_dim, spec.out_dim) != (1, 1) or stated != list(ATTRIBUTES):
        raise SpecError(
            f"dwsnets-sine: {taken.store.root} has fields of {spec.in_dim} coordinates with attributes "
            f"{', '.join(stated) if stated else 'none'}, expected sine waves: 1 coordinate, 1 output, "
            f"{' and '.join(ATTRIBUTES)}; export to safetensors or npz"
        )
    x = np.arange(-np.pi, np.pi, np.pi / _SAMPLES)
    layers = [f"seq.{i}" for i in range(len(spec.layers))]
    lists: dict[str, list[str]] = {part.name: [] for part in Split}
    for start, records in taken.blocks():
        pairs = zip(records.weights, records.columns["attributes"].tolist(), strict=True)
        for place, (weights, coefficients) in enumerate(pairs, start):
            name = f"{_ROOT}/model_{taken.object_id[place]}.pth"
            amplitude, frequency = coefficients
            wave = {"coef": coefficients, "x": x, "y": amplitude * np.sin(frequency * x)}
            sink.add(name, saved({**state_dict(spec, weights, layers), **wave}))
            lists[Split(int(taken.split[place])).name].append(name)
    sink.add(f"{_ROOT}/splits.json", json.dumps(lists).encode())
    save_statistics(taken, sink, f"{_ROOT}/statistics.pth")
    sink.add(f"{_ROOT}/{NOTE}", taken.note("dwsnets-sine"))
    return (*lost, *departures(taken, CONVENTION))
