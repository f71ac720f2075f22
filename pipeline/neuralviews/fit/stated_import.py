"""What the job of an imported store states of where its fields are from, checked once and typed."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..errors import FormatError, RecipeError
from ..recipe import Recipe, recipe_from_canonical
from ..signals.images import MOST_PIXELS
from .lineage import first_job
from .stated import Side

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Compared", "ImportSource", "Origin", "Quality", "StatedImport", "Target", "stated_import"]

Origin = Literal["format", "files", "given", "measured"]
"""Who says so: the format, the files themselves, whoever imported them, or a comparison with the source."""
Quality = Literal["unknown", "stated", "measured"]
"""Where PSNRs are from: nowhere, the publisher, or a comparison with the source."""
_Number = Annotated[float, Meta(ge=-1e6, le=1e6)]
_Positive = Annotated[float, Meta(ge=1e-6, le=1e6)]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What fields give: see `FieldFacts.target_range` and `FieldFacts.channels`."""

    range: tuple[_Number, _Number]
    mean: tuple[_Number, ...] | None = None
    std: tuple[_Positive, ...] | None = None


class ImportSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files that the fields were read from.

    Attributes:
        sha256: of an archive its own; of a folder that of the list ``<sha256>  <name>`` of its files.
        splits: sha256 of lists of paths by split that were given apart from them.
        fields: how many fields they hold.
        left_out: file -> why it is not in the store.
    """

    sha256: _Digest
    fields: Annotated[int, Meta(ge=1)]
    class_names: tuple[str, ...] | None
    image_shape: tuple[Side, Side] | None
    left_out: dict[str, str] = {}
    splits: _Digest | None = None


class Compared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What PSNRs were measured against: the source of a recipe, in canonical form, with the sha256 of its
    files."""

    recipe: dict[str, Any]
    files: dict[str, str]

    def checked(self, store: "Store") -> Recipe:
        """The recipe.

        Raises:
            FormatError: it is none.
        """
        try:
            return recipe_from_canonical(self.recipe)
        except RecipeError as error:
            raise FormatError(f"{store.root}: job: compared: {error}; the job was edited") from None


class StatedImport(msgspec.Struct, frozen=True):
    """The part of a job that ``neuralviews import`` adds to what every store has; see `exchange.job`.

    Attributes:
        exchange: name of the format.
        published: name of the published set, if it was imported as one.
        convention: each convention of the fields -> who says so.
        known: columns whose values somebody stated or measured, of those that need not be known.
    """

    importer: int
    name: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,63}\Z")]
    exchange: str
    published: str | None
    convention: dict[str, Origin]
    target: Target
    quality: Quality
    known: tuple[str, ...]
    source: ImportSource
    compared: Compared | None


def stated_import(store: "Store") -> StatedImport:
    """Check and type what the job states of the import that a store's records descend from.

    Raises:
        FormatError: its fields were not made by ``neuralviews import``, or the statements cannot be.
    """
    where = f"{store.root}: job"
    job = first_job(where, store.job)
    try:
        found = msgspec.convert(dict(job), StatedImport)
    except msgspec.ValidationError as error:
        raise FormatError(f"{where}: {error}; expected what `neuralviews import` writes") from None
    low, high = found.target.range
    if not low < high:
        raise FormatError(f"{where}: found target.range {[low, high]}, expected low below high")
    lengths = [None if part is None else len(part) for part in (found.target.mean, found.target.std)]
    if lengths not in ([None, None], [store.spec.out_dim] * 2):
        raise FormatError(
            f"{where}: found target.mean and std of {lengths[0]} and {lengths[1]} numbers, "
            f"expected neither, or both of {store.spec.out_dim}, one a channel"
        )
    shape = found.source.image_shape
    if shape is not None and shape[0] * shape[1] > MOST_PIXELS:
        raise FormatError(
            f"{where}: found source.image_shape {list(shape)}, expected at most {MOST_PIXELS} pixels"
        )
    return found
