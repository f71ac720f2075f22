"""The Fashion-MNIST fields of DWSNets' authors: a file a field, its label inside.

``fmnist_inrs/{train|test}/model_{id}.pth``; the fields of validation images lie among those of train, and
images of either folder are numbered from 0. Splits are lists of paths beside the files, of which readers
keep the last two parts. The names of an export hold numbers of objects instead, with a note that says so.
"""

import re
from typing import TYPE_CHECKING

from ..records import Split
from .departures import departures
from .dwsnets import CONVENTION, start_of_test
from .files import Files
from .format import Hints, Parse
from .listing import Entry, Listing, listed
from .splits_file import found_splits, last_parts, unlisted
from .state_dicts import LOOKS, SPELLINGS, export_labelled, parser_of

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "DWSNets, Fashion-MNIST: a file a field, with its label"
LOOKS_FOR = "fmnist_inrs/train/model_<id>.pth"

_FILE = re.compile(r"(?:(?:.*/)?fmnist_inrs/)?(train|test)/model_(\d{1,10})\.pth")
"""Other folders above ``train`` are views of several; see `multiview`."""
_ROOT = "fmnist_inrs"
_UNLISTED = "no lists of splits: the folders are train and test, with fields for validation among train"


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    parts = [(name, match[1] == "test", int(match[2])) for name, match in files.matching(_FILE)]
    names = [name for name, _, _ in parts]
    splits, texts = found_splits(files, hints, names, last_parts(2))
    left_out = unlisted(names, splits)
    start = start_of_test(hints, ((is_test, number) for _, is_test, number in parts))
    entries = []
    for name, is_test, number in parts:
        if name not in left_out:
            split = splits[name][0] if splits else Split.test if is_test else Split.train
            entries.append(Entry(name, number + start * is_test, split=split))
    return listed(
        entries,
        CONVENTION,
        files.describe(),
        texts=texts,
        image_shape=(28, 28),
        left_out=left_out,
        notes=() if splits or hints.note else (_UNLISTED,),
        recipe=None if hints.note else "fashion-mnist-dws",
    )


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_of(SPELLINGS, LOOKS, label="label")


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; one view of each object."""
    lost = taken.require_one_view("dwsnets-fmnist")
    export_labelled(taken, sink, "dwsnets-fmnist", _ROOT, lambda view: "")
    return (*lost, *departures(taken, CONVENTION))
