"""What the job of a store states of the fits behind it, checked once and typed, for all who ask later."""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ..errors import FormatError, RecipeError
from ..recipe import Recipe, recipe_from_canonical
from ..recipe_schema import PilotTable
from ..signals.images import LONGEST_SIDE, MOST_PIXELS
from .lineage import first_job

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Side", "SourceFacts", "StatedJob", "stated_job", "states_recipe"]

Side = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SIDE)]


class SourceFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a job says of its source: sha256 of each file, names of the labels, the images' shape.

    ``image_shape`` is (height, width), None if the images differ in it. Of shapes: what was left out and why,
    and the versions of what measured them.
    """

    files: dict[str, str]
    class_names: tuple[str, ...] | None
    image_shape: tuple[Side, Side] | None
    left_out: dict[str, str] = {}
    tools: dict[str, str] = {}


class StatedJob(msgspec.Struct, frozen=True):
    """The part of a job that `generate` adds to what every store has; see `fit.job.plan_job`."""

    generator: int
    name: str
    recipe: Recipe
    recipe_digest: str
    limit: int | None
    objects: int
    arithmetic: dict[str, str | int]
    source: SourceFacts


class _Plain(StatedJob, frozen=True):
    recipe: dict[str, Any]  # type: ignore[assignment]


def states_recipe(store: "Store") -> bool:
    """Whether a store says how its fields were fitted; the format asks only for what reading needs."""
    return "recipe" in first_job(f"{store.root}: job", store.job)


def stated_job(store: "Store") -> StatedJob:
    """Check and type what a store's job states; of an augmented store, the job of the fits it descends from.

    Raises:
        FormatError: it was not made by `generate`, the statements contradict each other, or an augmented
            store's fields have another shape than those of its parent.
    """
    where = f"{store.root}: job"
    job = first_job(where, store.job)
    if "recipe" not in job:
        raise FormatError(f"{where}: states no recipe; expected a store that `neuralviews generate` made")
    try:
        plain = msgspec.convert(dict(job), _Plain)
        recipe = recipe_from_canonical(plain.recipe)
    except (msgspec.ValidationError, RecipeError) as error:
        raise FormatError(f"{where}: {error}; expected what `neuralviews generate` writes") from None
    _require_consistent(where, job, plain, recipe)
    values = {name: getattr(plain, name) for name in StatedJob.__struct_fields__}
    return StatedJob(**{**values, "recipe": recipe})


def _require_consistent(where: str, job: Mapping[str, Any], plain: _Plain, recipe: Recipe) -> None:
    shape = recipe.shape
    for key, found, expected in (
        ("name", plain.name, recipe.name),
        ("recipe_digest", plain.recipe_digest, recipe.digest()),
        ("rows", job["rows"], plain.objects * recipe.views),
        ("arch", job["arch"], recipe.spec.to_json()),
        ("source.image_shape", prod(plain.source.image_shape or ()) <= MOST_PIXELS, True),
        ("recipe.fit.scope", isinstance(recipe.fit.scope, PilotTable), False),
        ("limit", plain.limit is None or plain.limit >= 1, True),
        ("columns", "columns" in job, shape is not None or recipe.fit.shadow is not None),
        ("columns", "shadow_psnr" in job.get("columns", ()), recipe.fit.shadow is not None),
        ("max_disagreement", job.get("max_disagreement"), None if shape is None else shape.max_disagreement),
        ("arithmetic.engine", type(plain.arithmetic.get("engine")), str),
    ):
        if found != expected:
            raise FormatError(f"{where}: {key} is not what its recipe comes to; the job was edited")
