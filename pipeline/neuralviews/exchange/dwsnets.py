"""The MNIST fields of DWSNets (Navon et al., ICML 2023): a folder a field, named by part, label and image.

``mnist-inrs/mnist_png_{training|testing}_{label}_{id}/checkpoints/model_final.pth``; the label is in the name
alone, and images of either part are numbered from 0. Splits are lists of paths beside the files. The folder
of an export holds numbers of objects instead, with a note that says so.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..records import NO_LABEL, Split
from .convention import Convention
from .departures import departures
from .files import Files
from .format import Hints, Parse
from .listing import Entry, Listing, listed
from .note import NOTE
from .splits_file import Assigned, found_splits, unlisted
from .state_dicts import LOOKS, SPELLINGS, parser_of, save_statistics, saved, state_dict

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser", "start_of_test"]

TITLE = "DWSNets, MNIST: a folder a field"
LOOKS_FOR = "mnist_png_training_<label>_<id>/checkpoints/*.pth"
CONVENTION = Convention(omega=30.0, axis_order="xy", output_offset=0.5)

_TRAINING_IMAGES = 60_000
"""Of MNIST and of Fashion-MNIST; they have fewer test images."""
_FILE = re.compile(r"(?:.*/)?mnist_png_(training|testing)_(\d{1,7})_(\d{1,10})/(?:.*/)?[^/]+\.pth")
_FOLDER = re.compile(r"mnist_png_(?:training|testing)_\d+_\d+")
_ROOT = "mnist-inrs"
_UNLISTED = "no lists of splits: training folders are train, testing folders are test"


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    names = [name for name, _ in files.matching(_FILE)]
    splits, texts = found_splits(files, hints, names, _key)
    entries = list(_entries(files, hints, splits))
    left_out = unlisted(names, splits)
    return listed(
        [entry for entry in entries if entry.file not in left_out],
        CONVENTION,
        files.describe(),
        texts=texts,
        image_shape=(28, 28),
        left_out=left_out,
        notes=() if splits or hints.note else (_UNLISTED,),
        recipe=None if hints.note else "mnist-dws",
    )


def _entries(files: Files, hints: Hints, splits: Assigned) -> Iterator[Entry]:
    parts = [
        (name, match[1] == "testing", int(match[2]), int(match[3])) for name, match in files.matching(_FILE)
    ]
    start = start_of_test(hints, ((is_test, number) for _, is_test, _, number in parts))
    for name, is_test, label, number in parts:
        split, stated = splits.get(name, (Split.test if is_test else Split.train, NO_LABEL))
        if stated not in (label, NO_LABEL):
            raise SourceError(
                f"{files.describe(name)}: found label {label} in its name and {stated} in the list of "
                "splits, expected one label: restore it"
            )
        yield Entry(name, number + start * is_test, label=label, split=split)


def start_of_test(hints: Hints, images: Iterable[tuple[bool, int]]) -> int:
    """The object_id of test image 0: training images come first, as torchvision counts them.

    Args:
        images: whether it is for testing, and the number, of each. Exports of neuralviews have numbers of
            objects throughout; one that lost its note may still show it, by test images numbered on after the
            training images of the whole set.
    """
    numbers: tuple[list[int], list[int]] = [], []
    for is_test, number in images:
        numbers[is_test].append(number)
    training, testing = numbers
    start = max([_TRAINING_IMAGES, *(number + 1 for number in training)])
    counted_on = bool(testing) and min(testing) >= start
    return 0 if counted_on or hints.note is not None else start


def _key(path: str) -> str | None:
    """The folder of a field, which tells files apart; None of other paths."""
    found = [part for part in path.replace("\\", "/").split("/") if _FOLDER.fullmatch(part)]
    return found[-1] if found else None


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_of(SPELLINGS, LOOKS)


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; one view of each object."""
    lost = taken.require_one_view("dwsnets")
    taken.require_labels("dwsnets")
    layers = [f"seq.{i}" for i in range(len(taken.store.spec.layers))]
    lists: dict[str, dict[str, list[str]]] = {part.name: {"path": [], "label": []} for part in Split}
    for place, weights in taken.fields():
        part, label = Split(int(taken.split[place])), int(taken.label[place])
        folder = (
            f"mnist_png_{'testing' if part is Split.test else 'training'}_{label}_{taken.object_id[place]}"
        )
        name = f"{_ROOT}/{folder}/checkpoints/model_final.pth"
        sink.add(name, saved(state_dict(taken.store.spec, weights, layers)))
        lists[part.name]["path"].append(name)
        lists[part.name]["label"].append(str(label))
    sink.add(f"{_ROOT}/mnist_splits.json", json.dumps(lists).encode())
    save_statistics(taken, sink, f"{_ROOT}/statistics.pth")
    sink.add(f"{_ROOT}/{NOTE}", taken.note("dwsnets"))
    return (
        *lost,
        f"paths in mnist_splits.json begin with {_ROOT}/: run programs from the folder that holds it",
        *departures(taken, CONVENTION),
    )
