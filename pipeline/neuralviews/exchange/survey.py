"""Every file looked at before the first shard: what cannot be imported is found while nothing is written."""

import hashlib
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..records import NO_LABEL
from ..work.survey import ask_all
from .layers import Dims, dims_text
from .listing import UNREAD
from .opened import Opened, Place, completed, open_place

if TYPE_CHECKING:
    from ..work.shards import Sharing

__all__ = ["Survey", "rows_kept", "survey"]

_CHUNK = 512
"""Files asked about at a time."""
_UNREADABLE = "it cannot be read"
_SHOWN = 4
"""Shapes that an error message tells."""
_REMEDY = "--keep-going leaves such files out"


class _Answer(NamedTuple):
    """Of a chunk: the files of each shape, problems, digests, and the labels that files tell."""

    dims: dict[Dims, list[int]]
    problems: dict[str, str]
    digests: dict[str, str]
    labels: dict[int, NDArray[np.int64]]


@dataclass(frozen=True)
class _Question:
    place: Place
    hashing: bool

    def ask(self, chunk: int) -> _Answer:
        opened = open_place(self.place)
        answer = _Answer({}, {}, {}, {})
        for file in _files(opened, chunk):
            name = opened.listing.files[file]
            try:
                data = opened.files.read(name)
                if self.hashing:
                    answer.digests[name] = hashlib.sha256(data).hexdigest()
                parsed = opened.parse(file, data)
            except SourceError as error:
                answer.problems[name] = str(error)
                continue
            answer.dims.setdefault(parsed.dims, []).append(file)
            if parsed.label is not None:
                answer.labels[file] = parsed.label
        return answer

    def describe(self, chunk: int) -> str:
        opened = open_place(self.place)
        return opened.files.describe(opened.listing.files[_files(opened, chunk)[0]])


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found.

    Attributes:
        dims: the shape of all fields.
        sha256: what names the files' bytes; see `Opened.sha256`.
        label: (n,) of every row of the listing.
        left_out: file -> why it is left out.
        details: of those that cannot be read, what the error that would have been raised says of them.
    """

    dims: Dims
    sha256: str
    label: NDArray[np.int32]
    left_out: dict[str, str]
    details: dict[str, str]


def survey(opened: Opened, sharing: "Sharing", *, keep_going: bool) -> Survey:
    """Read every file once.

    Args:
        keep_going: leave out files that cannot be read, or whose networks have another shape than most,
            rather than raise an error.
    Raises:
        SourceError: one cannot be read, networks differ in shape, or an object has two labels.
        EngineError: worker processes kept being killed.
    """
    place, listing = opened.place, opened.listing
    question = _Question(place, place.path.is_dir())
    chunks = range(-(-len(listing.files) // _CHUNK))
    found: dict[int, _Answer] = {}
    asked = ask_all(question, chunks, sharing, "looking", " files", lambda chunk: len(_files(opened, chunk)))
    with closing(asked) as answers:
        for chunk, answer in answers:
            found[chunk] = answer
            if answer.problems and not keep_going:
                raise SourceError(f"{next(iter(answer.problems.values()))}; {_REMEDY}")
    ordered = [found[chunk] for chunk in chunks]
    problems = {name: text for answer in ordered for name, text in answer.problems.items()}
    digests = {name: digest for answer in ordered for name, digest in answer.digests.items()}
    dims, others = _one_shape(opened, ordered, problems, keep_going=keep_going)
    lost = {**dict.fromkeys(problems, _UNREADABLE), **others}
    label = _labels(opened, ordered, lost)
    details = {name: text.removeprefix(f"{opened.files.describe(name)}: ") for name, text in problems.items()}
    return Survey(dims, opened.sha256(digests), label, {**listing.left_out, **lost}, details)


def _files(opened: Opened, chunk: int) -> range:
    return range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(opened.listing.files)))


def _one_shape(
    opened: Opened, answers: list[_Answer], problems: dict[str, str], *, keep_going: bool
) -> tuple[Dims, dict[str, str]]:
    """The shape of the networks of all files, or of most; and files of other shapes, with a reason each.

    Raises:
        SourceError: there are several, and none may be left out, or none is that of most.
    """
    where, names = opened.files.describe(), opened.listing.files
    found: dict[Dims, list[int]] = {}
    for answer in answers:
        for dims, files in answer.dims.items():
            found.setdefault(dims, []).extend(files)
    if not found:
        first = next(iter(problems.values()))
        raise SourceError(f"{where}: not one of its fields can be read; the first of the errors is: {first}")
    ranked = sorted(found, key=lambda dims: -len(found[dims]))
    most = ranked[0]
    tied = len(ranked) > 1 and len(found[ranked[1]]) == len(found[most])
    if len(ranked) > 1 and (tied or not keep_going):
        told = ", ".join(_told(dims, [names[file] for file in found[dims]]) for dims in ranked[:_SHOWN])
        more = f" and {len(ranked) - _SHOWN} other shapes" if len(ranked) > _SHOWN else ""
        remedy = "import them apart" if tied else f"--keep-going takes those of {dims_text(most)} alone"
        raise SourceError(f"{where}: found files {told}{more}, expected one shape of network: {remedy}")
    reason = f"its network is {{}}, that of most files {dims_text(most)}"
    others = {
        names[file]: reason.format(dims_text(dims)) for dims in ranked[1:] for file in sorted(found[dims])
    }
    return most, others


def _told(dims: Dims, names: list[str]) -> str:
    return f"{len(names):,} of {dims_text(dims)} ({names[0]}{', ...' if len(names) > 1 else ''})"


def _labels(opened: Opened, answers: list[_Answer], lost: Collection[str]) -> NDArray[np.int32]:
    """Labels of all rows, those that only files tell among them.

    Raises:
        SourceError: an object's views differ in it, or a file tells another than its name or a note does.
    """
    listing = opened.listing
    label = listing.label.copy()
    inside = {file: labels for answer in answers for file, labels in answer.labels.items()}
    if inside:
        told = label.copy()
        for row, (file, place) in enumerate(zip(listing.file.tolist(), listing.place.tolist(), strict=True)):
            if file in inside:
                told[row] = inside[file][place]
        label = completed(label, told)
    _require_told_once(opened, label)
    label[label == UNREAD] = NO_LABEL
    sound = ~np.isin(listing.file, [i for i, name in enumerate(listing.files) if name in lost])
    rows = np.flatnonzero(sound)
    same = listing.object_id[rows[1:]] == listing.object_id[rows[:-1]]
    differs = same & (label[rows[1:]] != label[rows[:-1]])
    if differs.any():
        row = int(rows[1:][int(np.argmax(differs))])
        name = listing.files[int(listing.file[row])]
        raise SourceError(
            f"{opened.files.describe(name)}: found label {label[row]} of object {listing.object_id[row]}, "
            f"another view of it has {label[row - 1]}, expected one label: restore one of the files"
        )
    return label


def _require_told_once(opened: Opened, label: NDArray[np.int32]) -> None:
    listing = opened.listing
    differs = (listing.label >= 0) & (label != listing.label)
    if differs.any():
        row = int(np.argmax(differs))
        name = listing.files[int(listing.file[row])]
        raise SourceError(
            f"{opened.files.describe(name)}: found label {label[row]} inside, its name or a list beside it "
            f"says {listing.label[row]}, expected one label: restore one of them"
        )


def rows_kept(opened: Opened, left_out: Iterable[str]) -> NDArray[np.int64]:
    """Rows of the listing whose files are not left out."""
    out = {*left_out}
    lost = [number for number, name in enumerate(opened.listing.files) if name in out]
    return np.flatnonzero(~np.isin(opened.listing.file, lost))
