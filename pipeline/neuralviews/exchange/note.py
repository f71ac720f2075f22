"""The file that exports lay beside their fields: conventions, objects, labels and splits, for whoever imports
them.

Formats of other programs state little of what decides how a field is rendered, and some have no place for a
label or a split. Their programs pass this file over; importing it makes the way back exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ..errors import SourceError, SpecError
from ..field import FieldSpec
from ..records import NO_LABEL, Split
from ..store.canonical import canonical_json
from .convention import CONVENTIONS, Convention
from .files import Files
from .listing import UNREAD, Listing

if TYPE_CHECKING:
    from ..fit.facts import FieldFacts
    from ..store.reader import Store

__all__ = ["NOTE", "Note", "note_bytes", "read_note", "with_note"]

NOTE = "neuralviews.json"

_FORMAT = "neuralviews-exchange"
_Numbers = tuple[float, ...]
_Side = Annotated[int, Meta(ge=1, le=65_535)]


class Objects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry an object, in the order in which a format numbers them."""

    object_id: tuple[Annotated[int, Meta(ge=0, le=2**32 - 1)], ...]
    label: tuple[Annotated[int, Meta(ge=NO_LABEL, le=2**20 - 1)], ...]
    split: tuple[Annotated[int, Meta(ge=0, le=len(Split) - 1)], ...]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See `Convention`."""

    range: tuple[float, float]
    mean: _Numbers | None = None
    std: _Numbers | None = None


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file.

    Attributes:
        exchange: the format that it lies in.
        dataset_id: of the store that was exported.
        arch: the shape of its fields, as stores state it.
        views: how many views an object has at most.
        recipe: whose source the fields are of, in canonical form; None if that is not known.
    """

    format: str
    version: int
    exchange: str
    dataset_id: str
    name: str
    arch: dict[str, Any]
    target: Target
    class_names: tuple[str, ...] | None
    image_shape: tuple[_Side, _Side] | None
    views: Annotated[int, Meta(ge=1, le=65_536)]
    recipe: dict[str, Any] | None
    objects: Objects

    @property
    def spec(self) -> FieldSpec:
        """The shape of the fields."""
        return FieldSpec.from_json(self.arch)


def note_bytes(
    exchange: str, store: "Store", facts: "FieldFacts", views: int, objects: Mapping[str, Sequence[int]]
) -> bytes:
    """The file of an export.

    Args:
        exchange: name of the format.
        objects: ``object_id``, ``label`` and ``split`` of every object, in the order of the format's numbers.
    """
    low, high = facts.target_range
    target = Target((float(low), float(high)), *(facts.channels or ()))
    note = Note(
        _FORMAT,
        1,
        exchange,
        store.dataset_id,
        facts.name,
        store.spec.to_json(),
        target,
        facts.class_names,
        facts.image_shape,
        views,
        None if facts.source_recipe is None else facts.source_recipe.canonical(),
        Objects(*(tuple(map(int, objects[key])) for key in ("object_id", "label", "split"))),
    )
    return canonical_json(msgspec.to_builtins(note))


def read_note(files: Files) -> tuple[str, Note] | None:
    """The file among others, and its name; None if there is none.

    Raises:
        SourceError: it is damaged, there are several, or a newer neuralviews wrote it.
    """
    found = [name for name in files.names if name.rpartition("/")[2] == NOTE]
    if not found:
        return None
    where = files.describe(found[0])
    if len(found) > 1:
        raise SourceError(
            f"{files.describe()}: found {found[0]} and {found[1]}, expected one of them: "
            "import one export at a time"
        )
    value = files.json(found[0])
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > 1:
        raise SourceError(f"{where}: written by a newer neuralviews (version {version}); update it")
    try:
        note = msgspec.convert(value, Note)
        _ = note.spec
    except (msgspec.ValidationError, SpecError, OverflowError) as error:
        raise SourceError(f"{where}: {error}; restore the file, or take it away") from None
    lengths = {len(part) for part in (note.objects.object_id, note.objects.label, note.objects.split)}
    if (
        note.format != _FORMAT
        or len(lengths) != 1
        or len({*note.objects.object_id}) != len(note.objects.object_id)
    ):
        raise SourceError(
            f"{where}: not what neuralviews writes beside exports; restore the file, or take it away"
        )
    return found[0], note


def with_note(listing: Listing, name: str, note: Note, where: str, *, split_given: bool = False) -> Listing:
    """A listing whose conventions, labels and splits are those of the file.

    Args:
        split_given: the listing's splits are of lists that were given apart, which are believed before it.
    Raises:
        SourceError: an object is none of the file's, or has another label.
    """
    objects = note.objects
    ids = np.array(objects.object_id, np.int64)
    order = np.argsort(ids)
    place = np.searchsorted(ids[order], listing.object_id.astype(np.int64))
    rows = order[np.minimum(place, len(ids) - 1)] if len(ids) else np.zeros(len(listing), np.intp)
    unknown = ids[rows] != listing.object_id if len(ids) else np.ones(len(listing), np.bool_)
    if unknown.any():
        raise SourceError(
            f"{where}: {name} states no object {listing.object_id[int(np.argmax(unknown))]}, "
            "of which there are fields: restore the file, or take it away"
        )
    label = np.array(objects.label, np.int32)[rows]
    other = (listing.label != label) & (listing.label != UNREAD) & (listing.label != NO_LABEL)
    if other.any():
        row = int(np.argmax(other))
        raise SourceError(
            f"{where}: object {listing.object_id[row]} has label {listing.label[row]} by the name of its "
            f"file and {label[row]} in {name}: restore one of them"
        )
    known = ("split", *(("label",) if (label != NO_LABEL).any() else ()))
    return replace(
        listing,
        texts=(*listing.texts, name),
        label=label,
        split=listing.split if split_given else np.array(objects.split, np.uint8)[rows],
        known=known,
        convention=_convention(listing.convention, note),
        class_names=note.class_names,
        image_shape=note.image_shape,
    )


def _convention(convention: Convention, note: Note) -> Convention:
    spec, target = note.spec, note.target
    stated = {name: getattr(spec, name) for name in CONVENTIONS if name != "target_range"}
    found = convention.said("files", **stated, target_range=target.range)
    return replace(found, mean=target.mean, std=target.std)
