"""Files of another program, opened: which format they are of, what fields they hold, and those fields."""

import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..records import NO_LABEL
from ..signals.archives import open_tree
from ..signals.hashing import sha256_of
from ..store.canonical import sha256_hex
from ..store.schema import MAX_LABEL
from .files import Files, OneFile
from .format import Hints, Parse, Parsed
from .layers import Dims, dims_text
from .listing import UNREAD, Listing
from .note import Note, read_note, with_note
from .registry import choose, get_format

__all__ = ["Fields", "Opened", "Place", "completed", "open_place"]


_FIELD_FILES = {".safetensors", ".npz", ".h5", ".hdf5", ".pth", ".ckpt"}
"""Files that hold fields themselves; an ``.npz`` is an archive only by the way."""


@dataclass(frozen=True)
class Place:
    """Where fields are, and how to read them; it pickles, and workers open it once each.

    Args:
        path: a folder, or a zip or tar archive.
        format: a name of the registry, or ``auto``.
        splits: a JSON file with lists of paths by split, apart from the files.
        scratch: where a packed tar archive is unpacked to one that can be read anywhere.
        run: tells one run from the next: worker processes outlive them, and files may change between them.
        tree: the files as somebody opened them already, pickled, so that they are not unpacked once more.
    """

    path: Path
    format: str = "auto"
    splits: Path | None = None
    scratch: Path | None = None
    run: str = ""
    tree: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Fields:
    """Some fields that were read.

    Attributes:
        weights: (k, P) float32; ``label``: (k,); ``attributes``: (k, a) float32, None without any.
    """

    weights: NDArray[np.float32]
    label: NDArray[np.int32]
    attributes: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Opened:
    """Files whose fields are listed.

    Attributes:
        place: where they are, for workers.
        format: its name; ``why``: what it was known by.
        note: what neuralviews laid beside an export of this format.
        splits: sha256 of the lists that were given apart; None without any.
    """

    place: Place
    files: Files
    format: str
    why: str
    listing: Listing
    note: Note | None
    splits: str | None = None
    _last: dict[int, Parsed] = field(default_factory=dict)

    @cached_property
    def _parser(self) -> Parse:
        return get_format(self.format).parser(self.listing)

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """How many fields each file must hold at least."""
        counts = np.zeros(len(self.listing.files), np.int64)
        np.maximum.at(counts, self.listing.file, self.listing.place + 1)
        return counts

    def parse(self, file: int, data: bytes | None = None) -> Parsed:
        """The fields of one file of the listing, checked.

        Args:
            data: its bytes, if they were read already.
        Raises:
            SourceError: it cannot be read, or is not what the listing says.
        """
        name = self.listing.files[file]
        where = self.files.describe(name)
        parsed = self._parser(self.files.read(name) if data is None else data, where)
        problem = _problem(parsed, len(self.listing.attributes), int(self._counts[file]))
        if problem is not None:
            raise SourceError(f"{where}: {problem}: replace the file, or leave it out")
        return parsed

    def read(self, rows: NDArray[np.int64], dims: Dims) -> Fields:
        """The fields of some rows of the listing, in the order given; each file is opened once.

        Raises:
            SourceError: a file cannot be read, or holds fields of another shape than ``dims``.
        """
        listing, parts = self.listing, []
        order = np.argsort(listing.file[rows], kind="stable")
        width = len(listing.attributes)
        label = listing.label[rows].copy()
        attributes = np.empty((len(rows), width), np.float32) if width else None
        files, starts = np.unique(listing.file[rows[order]], return_index=True)
        for file, where in zip(files.tolist(), np.split(order, starts[1:]), strict=True):
            parsed = self._parsed(file)
            require_dims(dims, parsed.dims, self.files, listing.files[file])
            at = listing.place[rows[where]]
            parts.append(parsed.weights[at])
            if parsed.label is not None:
                label[where] = completed(label[where], parsed.label[at])
            if attributes is not None and parsed.attributes is not None:
                attributes[where] = parsed.attributes[at]
        weights = np.concatenate(parts)
        found = np.empty_like(weights)
        found[order] = weights
        label[label == UNREAD] = NO_LABEL
        return Fields(found, label, attributes)

    def _parsed(self, file: int) -> Parsed:
        """The fields of a file, remembered while the same file of many is asked for."""
        if file not in self._last:
            parsed = self.parse(file)
            self._last.clear()
            self._last[file] = parsed
        return self._last[file]

    def sha256(self, digests: Mapping[str, str]) -> str:
        """What names all these bytes: of an archive its own sha256, of a folder that of a list of its files'.

        Args:
            digests: sha256 of every file of fields that can be read.
        """
        if not self.place.path.is_dir():
            return sha256_of(self.place.path)
        texts = {name: self.files.tree.sha256(name) for name in self.listing.texts}
        lines = [f"{digest}  {name}\n" for name, digest in sorted({**digests, **texts}.items())]
        return sha256_hex("".join(lines).encode())

    def state(self) -> object:
        """Sizes and times of all files that decide something: equal as long as nobody touches them."""
        root = self.place.path
        names = sorted({*self.listing.files, *self.listing.texts})
        paths = [root / name for name in names] if root.is_dir() else [root]
        if self.place.splits is not None:
            paths.append(self.place.splits)
        return [_state(path) for path in paths]


@lru_cache(maxsize=1)
def open_place(place: Place) -> Opened:
    """Open files and list their fields; kept until another place is opened.

    Raises:
        SourceError: they are of no known format, or do not say which fields they are.
        OptionError: no such format.
    """
    alone = place.path.suffix.lower() in _FIELD_FILES and place.path.is_file()
    if place.tree is not None:
        tree = pickle.loads(place.tree)  # made by this very run
    else:
        tree = OneFile(place.path) if alone else open_tree(place.path, "fields", place.scratch)
    files = Files(tree)
    name, why = choose(files, place.format)
    found = read_note(files)
    if found is not None and found[1].exchange != name:
        raise SourceError(
            f"{files.describe(found[0])}: is of an export to {found[1].exchange}, the other files are of "
            f"{name} ({why}): name the format with --from, or take the file away"
        )
    note = None if found is None else found[1]
    given = None if place.splits is None else _bytes(place.splits)
    hints = Hints(note, None if given is None else (_json(given, place.splits), str(place.splits)))
    listing = get_format(name).listing(files, hints)
    if found is not None:
        listing = with_note(listing, *found, files.describe(), split_given=given is not None)
    opened_already = replace(place, tree=pickle.dumps(tree))
    return Opened(
        opened_already, files, name, why, listing, note, None if given is None else sha256_hex(given)
    )


def completed(label: NDArray[Any], inside: NDArray[Any]) -> NDArray[Any]:
    """Labels of a listing, with what the files themselves tell in the place of what it does not."""
    return np.where((inside == NO_LABEL) & (label != UNREAD), label, inside)


def require_dims(expected: Dims, found: Dims, files: Files, name: str) -> None:
    """Refuse a field of another shape than those before it."""
    if found != expected:
        raise SourceError(
            f"{files.describe(name)}: found a network {dims_text(found)}, expected {dims_text(expected)} "
            "as in the files before it: one store holds one shape, import them apart"
        )


def _problem(parsed: Parsed, attributes: int, least: int) -> str | None:
    """Why what a file holds cannot be fields, or not all that the listing names, or None."""
    count = len(parsed.weights)
    if count < least:
        return f"found {count} fields, expected at least {least}"
    finite = np.isfinite(parsed.weights).all(axis=1)
    if not finite.all():
        return f"field {int(np.argmin(finite))} of it has weights that are not finite" * (count > 1) or (
            "found weights that are not finite, expected a field"
        )
    label = parsed.label
    if label is not None and not ((label >= NO_LABEL) & (label <= MAX_LABEL)).all():
        worst = label[int(np.argmax((label < NO_LABEL) | (label > MAX_LABEL)))]
        return f"found label {worst}, expected 0 to {MAX_LABEL}"
    if attributes:
        found = parsed.attributes
        if found is None or found.shape != (count, attributes) or not np.isfinite(found).all():
            return f"expected {attributes} finite attributes of each field"
    return None


def _state(path: Path) -> tuple[int, int, int] | None:
    """Size, time and inode of a file; None of one that is not there any more."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror}); expected lists of paths by split"
        ) from None


def _json(data: bytes, path: Path | None) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not JSON ({error}); expected lists of paths by split") from None
