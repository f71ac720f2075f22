"""The pilot of a run: a few plain fits, whose scope all fields of the run are then drawn towards."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EngineError, RecipeError
from ..recipe import Recipe, recipe_from_canonical
from ..recipe_schema import PilotTable, ScopeTable
from ..records import Split, Status
from ..signals.images import shared_shape
from ..store.schema import JOB_FILE
from ..store.writer import StoreWriter
from .init import initial_weights
from .job import budget_of, first_seed
from .registry import get_engine
from .rows import RowFitter
from .scope import LayerScopes, fuse_scopes, scope_of

if TYPE_CHECKING:
    from ..signals.catalogue import Source

__all__ = ["PILOT_OBJECTS", "resolved", "stand_in", "with_stated_numbers"]

PILOT_OBJECTS = 64
_NEXT_TO_NOTHING = 1e-9


def stand_in(recipe: Recipe) -> Recipe:
    """The recipe with the scope of initial weights in place of a pilot's: good for plans, not for fields.

    It takes the time that the pilot's takes, and has next to no weight: fits would be drawn away from what
    they come to, which they are not by the scope of others like them.
    """
    if not isinstance(recipe.fit.scope, PilotTable):
        return recipe
    inits = initial_weights(recipe.spec, recipe.init.scheme, [first_seed(recipe, 0, 0)])
    return _with_scope(recipe, fuse_scopes(scope_of(recipe.spec, inits)), _NEXT_TO_NOTHING)


def resolved(
    recipe: Recipe, source: "Source", limit: int | None, root: Path, device: str | None, progress: bool
) -> Recipe:
    """The recipe with the numbers of its pilot in place of the wish for one.

    The pilot fits view 0 of the first `PILOT_OBJECTS` objects of the run's train part (of all its objects if
    that is empty) as the recipe has it, but plainly, by the fastest engine that can; its fields' scopes are
    fused. A run that goes on takes the numbers that its job states.

    Args:
        limit: of the run's objects.
        root: folder of the store.
    Raises:
        EngineError: no fit of the pilot succeeded.
        SourceError: as `fit.job.plan_job`.
        RecipeError: the numbers are beyond what a recipe may hold.
    """
    if not isinstance(recipe.fit.scope, PilotTable):
        return recipe
    if (stated := _stated(recipe, root)) is not None:
        return stated
    plain = recipe.with_fit(robust=None, scope=None, shadow=None)
    objects = source.objects.limited(limit)
    shared_shape(source, objects.object_id)  # the job would refuse it only when the pilot is fitted
    positions = np.flatnonzero(objects.split == Split.train)[:PILOT_OBJECTS]
    positions = positions if len(positions) else np.arange(min(PILOT_OBJECTS, len(objects)))
    engine = get_engine("auto", plain.spec, budget_of(plain), device)
    if progress:
        sys.stderr.write(f"{recipe.name}: fitting a pilot of {len(positions)} fields for fit.scope\n")
    records = RowFitter(plain, source, objects, engine).fit((positions * plain.views).tolist())
    sound = records.columns["status"] != Status.diverged
    if not sound.any():
        raise EngineError(
            f"{recipe.name}: all {len(positions)} fields of the pilot failed; "
            "mend the recipe, or give fit.scope as kind = 'fixed'"
        )
    return _with_scope(recipe, fuse_scopes(scope_of(plain.spec, records.weights[sound])))


def with_stated_numbers(recipe: Recipe, stated: Recipe) -> Recipe:
    """The recipe with the numbers that a job's recipe states, where it wishes for a pilot's; else itself."""
    wish, scope = recipe.fit.scope, stated.fit.scope
    if not isinstance(wish, PilotTable) or not isinstance(scope, ScopeTable):
        return recipe
    if stated.field.dims != recipe.field.dims:
        return recipe  # numbers of other layers
    return _with_scope(recipe, LayerScopes(scope.mean, scope.sd))


def _with_scope(recipe: Recipe, scope: LayerScopes, weight: float | None = None) -> Recipe:
    assert recipe.fit.scope is not None
    weight = recipe.fit.scope.weight if weight is None else weight
    table = {"kind": "fixed", "weight": weight, "mean": scope.mean, "sd": scope.sd}
    return recipe.with_fit(scope=table)


def _stated(recipe: Recipe, root: Path) -> Recipe | None:
    """The recipe that a run before began to fit, if that is this one but for the pilot's numbers."""
    if not (root / JOB_FILE).exists():
        return None
    job: Any = StoreWriter.open(root).job
    try:
        found = recipe_from_canonical(job.get("recipe"))
    except RecipeError:
        return None
    same = with_stated_numbers(recipe, found)
    return same if same.digest() == found.digest() else None
