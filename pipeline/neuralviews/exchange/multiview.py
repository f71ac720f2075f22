"""Fields of several views of each image, as code that augments weights reads them (Shamsian et al., 2024).

``<root>/<view>/{train|test}/model_{id}.pth`` with the label inside; one folder a view, sorted as texts.
Splits are lists of paths beside the files, cut there at the name of the root folder: training reads the first
so many views of its list, validation and test read the first alone. The numbers in the names of an export are
those of objects and views, with a note that says so.
"""

import re
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..records import Split
from .departures import departures
from .dwsnets import CONVENTION, start_of_test
from .files import Files
from .format import Hints, Parse
from .layers import dims_text
from .listing import Entry, Listing, listed
from .note import NOTE
from .splits_file import found_splits, last_parts, spread, unlisted
from .state_dicts import LOOKS, SPELLINGS, export_labelled, parser_of

if TYPE_CHECKING:
    from ..field import FieldSpec
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "views of images: a folder a view, a file a field, with its label"
LOOKS_FOR = "<view>/train/model_<id>.pth"

_FILE = re.compile(r"(?:.*/)?(?!fmnist_inrs/)([^/]+)/(train|test)/model_(\d{1,10})\.pth")
"""Published without views under that name; see `dwsnets_fmnist`."""
_PUBLISHED = "/fmnist_multiview/"
_ROOT = "multiview"
_UNLISTED = "no lists of splits: the folders are train and test, with fields for validation among train"
_EIGHTH = 8
"""Widths that the networks of the code's own can have are multiples of it."""


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    parts = [(name, match[1], match[2] == "test", int(match[3])) for name, match in files.matching(_FILE)]
    names = [name for name, _, _, _ in parts]
    splits, texts = found_splits(files, hints, names, last_parts(3))
    splits = spread(splits, {name: (is_test, number) for name, _, is_test, number in parts})
    left_out = unlisted(names, splits)
    start = start_of_test(hints, ((is_test, number) for _, _, is_test, number in parts))
    views = _views(files, hints, {view for _, view, _, _ in parts})
    entries = []
    for name, view, is_test, number in parts:
        if name not in left_out:
            split = splits[name][0] if splits else Split.test if is_test else Split.train
            entries.append(Entry(name, number + start * is_test, views[view], split=split))
    return listed(
        entries,
        CONVENTION,
        files.describe(),
        texts=texts,
        left_out=left_out,
        notes=() if splits or hints.note else (_UNLISTED,),
        recipe="fashion-mnist-dws" if hints.note is None and _PUBLISHED in files.describe(names[0]) else None,
    )


def _views(files: Files, hints: Hints, folders: set[str]) -> dict[str, int]:
    """The view that each folder holds: its place among all, but of an export the number that is its name."""
    if hints.note is None:
        return {name: view for view, name in enumerate(sorted(folders))}
    for name in sorted(folders):
        if not (name.isdecimal() and name.isascii()):
            raise SourceError(
                f"{files.describe()}: found a folder {name!r} of a view, expected its number beside "
                f"{NOTE}: restore the folder's name, or take that file away"
            )
    return {name: int(name) for name in folders}


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_of(SPELLINGS, LOOKS, label="label")


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; lists hold all views of every split."""
    digits = len(str(taken.views - 1))
    export_labelled(taken, sink, "multiview", _ROOT, lambda view: f"{view:0{digits}d}/")
    return (
        f"the folder {_ROOT} keeps its name: paths in splits.json are cut at it",
        *_unfit(taken.store.spec),
        *departures(taken, CONVENTION),
    )


def _unfit(spec: "FieldSpec") -> tuple[str, ...]:
    hidden = {*spec.dims[1:-1]}
    if len(spec.dims) >= 4 and len(hidden) == 1 and not min(hidden) % _EIGHTH:
        return ()
    return (
        f"fields are {dims_text(spec.dims)}; models of the code that reads such files want two hidden layers "
        f"or more, of one width that is a multiple of {_EIGHTH}",
    )
