"""The fields of NFN (Zhou et al., NeurIPS 2023): a folder a label, a file a field, numbered as torchvision
counts images, training images first.

``siren_{mnist|fashion|cifar}_wts/randinit_smaller_{label}s/net{index}.pth``; further views lie in
``randinit_smaller_aug{k}_{label}s``, k from 0. Splits follow from the index. Labels have one digit.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError, SpecError
from ..records import Split
from .convention import Convention
from .departures import departures
from .files import Files
from .format import Hints, Parse
from .listing import Entry, Listing, listed
from .note import NOTE
from .splits_file import Assigned, found_splits, last_parts, spread, unlisted
from .state_dicts import NETWORK, parser_of, saved, state_dict

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["CONVENTION", "LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "NFN: a folder a label and view, a file a field"
LOOKS_FOR = "randinit_smaller_<label>s/net<index>.pth"
CONVENTION = Convention(omega=30.0, axis_order="ij", target_range=(-1.0, 1.0))

_FILE = re.compile(r"(?:.*/)?randinit_smaller_(?:aug(\d{1,5})_)?(\d)s/net(\d{1,10})\.pth")
_ROOT = "siren_wts"
_VAL, _TEST = 45_000, 50_000
"""The first indices of these splits."""
_MOST_LABEL = 9
_SHAPES = {1: (28, 28), 3: (32, 32)}
"""Of images with so many channels, in the published sets."""
_RECIPES = {"/siren_mnist_wts/": "mnist-nfn", "/siren_cifar_wts/": "cifar10-nfn"}
"""By the folder of a published set."""
_TRIED = 8
"""How many files may be damaged before the channels count as unknown."""


def detect(files: Files) -> str | None:
    """See `Format`."""
    return files.found(_FILE)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`; a file is read too, whose channels tell the shape of the images."""
    objects = {name: int(match[3]) for name, match in files.matching(_FILE)}
    names = list(objects)
    splits, texts = found_splits(files, hints, names, last_parts(2))
    splits = spread(splits, objects)
    left_out = unlisted(names, splits)
    where = files.describe(names[0])
    recipe = next((name for part, name in _RECIPES.items() if part in where), None)
    return listed(
        (entry for entry in _entries(files, splits) if entry.file not in left_out),
        CONVENTION,
        files.describe(),
        texts=texts,
        image_shape=_shape(files, names) if hints.note is None else None,
        left_out=left_out,
        notes=() if splits or hints.note else ("splits follow from the index, as in the code of NFN",),
        recipe=recipe if hints.note is None else None,
    )


def _entries(files: Files, splits: Assigned) -> Iterator[Entry]:
    found = list(files.matching(_FILE))
    by_index = _splits(np.array([int(match[3]) for _, match in found])).tolist()
    for (name, match), part in zip(found, by_index, strict=True):
        view = 0 if match[1] is None else int(match[1]) + 1
        split = splits[name][0] if name in splits else Split(part)
        yield Entry(name, int(match[3]), view, int(match[2]), split)


def _splits(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """The split of each index, (n,)."""
    return np.select([index < _VAL, index < _TEST], [Split.train, Split.val], Split.test).astype(np.int64)


def _shape(files: Files, names: list[str]) -> tuple[int, int] | None:
    parse = _parser()
    for name in names[:_TRIED]:
        try:
            dims = parse(files.read(name), files.describe(name)).dims
        except SourceError:
            continue  # whoever reads all files says so
        return _SHAPES.get(dims[-1]) if dims[0] == 2 else None
    return None


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return _parser()


def _parser() -> Parse:
    return parser_of([NETWORK], "net.0.linear.weight, net.0.linear.bias, ..., net.<last>.weight")


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`."""
    taken.require_labels("nfn")
    if (most := int(taken.label.max())) > _MOST_LABEL:
        raise SpecError(
            f"nfn: found label {most} in {taken.store.root}, this format has labels from 0 to {_MOST_LABEL}; "
            "export to multiview, safetensors or npz"
        )
    last = len(taken.store.spec.layers) - 1
    layers = [*(f"net.{i}.linear" for i in range(last)), f"net.{last}"]
    for place, weights in taken.fields():
        view = int(taken.view[place])
        copy = f"aug{view - 1}_" if view else ""
        folder = f"{_ROOT}/randinit_smaller_{copy}{taken.label[place]}s"
        sink.add(
            f"{folder}/net{taken.object_id[place]}.pth",
            saved(state_dict(taken.store.spec, weights, layers)),
        )
    sink.add(f"{_ROOT}/{NOTE}", taken.note("nfn"))
    return (*_notes(taken), *departures(taken, CONVENTION))


def _notes(taken: "Taken") -> Iterator[str]:
    objects, split = taken.object_id[taken.firsts], taken.split[taken.firsts]
    if others := int((split != _splits(objects)).sum()):
        yield (
            f"{others:,} of {len(objects):,} objects are in another split than the code of NFN takes them to "
            f"be, by index alone (val from {_VAL:,}, test from {_TEST:,}): {NOTE} holds the true ones"
        )
    if objects[-1] != len(objects) - 1:
        yield f"numbers of objects have gaps up to {objects[-1]:,}: programs that count nets from 0 miss some"
    if taken.views > 1:
        yield "programs that take all folders randinit_smaller_* mix views: give them randinit_smaller_[0-9]s"
