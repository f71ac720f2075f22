"""The job of a generated store: everything that decides its bytes, seeds included."""

from typing import TYPE_CHECKING, Any

from ..errors import RecipeError
from ..recipe import Recipe
from ..recipe_schema import PilotTable
from ..records import REPAIRS, SHADOW_COLUMNS
from ..seeds import derive_seed
from ..signals.images import shared_shape
from ..store.schema import FORMAT_VERSION, STORE_FORMAT
from ..work.sizes import rows_per_shard
from .engine import Budget, Engine
from .method import Method, Scope

if TYPE_CHECKING:
    from ..signals.catalogue import Source

__all__ = ["GENERATOR", "budget_of", "first_seed", "plan_job", "points_key", "retry_seed"]

_OPERATIONS_A_MINUTE = 3 * 10**12
"""Of one core, multiplications and additions."""
_MOST_SHARDS = 20_000

GENERATOR = 1
"""Raised whenever the same recipe, source and engine would give other bytes than before."""


def budget_of(recipe: Recipe) -> Budget:
    """The recipe's table ``fit`` as the engines take it.

    Raises:
        RecipeError: the numbers of its scope are still to come from a pilot.
    """
    fit = recipe.fit
    return Budget(
        fit.steps,
        fit.lr,
        fit.schedule,
        fit.target_psnr,
        fit.keep_best,
        points=fit.points,
        loss=fit.loss,
        method=_method_of(recipe),
    )


def _method_of(recipe: Recipe) -> Method | None:
    fit = recipe.fit
    if isinstance(fit.scope, PilotTable):
        raise RecipeError(
            f"{recipe.name}: fit.scope: found kind 'pilot', whose numbers only a run finds, expected 'fixed' "
            "here: the job of a store states them"
        )
    if fit.robust is None and fit.scope is None and fit.shadow is None:
        return None
    scope = None if fit.scope is None else Scope(fit.scope.weight, fit.scope.mean, fit.scope.sd)
    return Method(None if fit.robust is None else fit.robust.sigma, scope, fit.shadow)


def first_seed(recipe: Recipe, object_id: int, view: int) -> int:
    """The seed of a view's initial weights; a shared init has one seed for all objects of a view."""
    if recipe.init.shared:
        return derive_seed(recipe.seed, recipe.name, "shared", view)
    return derive_seed(recipe.seed, recipe.name, object_id, view)


def retry_seed(recipe: Recipe, object_id: int, view: int, attempt: int) -> int:
    """The seed that a failed fit is repeated from, attempts counted from 1."""
    return derive_seed(recipe.seed, recipe.name, object_id, view, "retry", attempt)


def points_key(seed: int) -> int:
    """The stream of the minibatches and of the noise of a fit that starts from ``seed``."""
    return derive_seed(seed, "points")


def _shard_rows(recipe: Recipe, rows: int) -> int:
    """Records of a shard of ``rows`` records, if the recipe does not say.

    Of shapes, whose fits are long, a shard holds whole objects, as their views share samples, but no more
    than about a minute of one core's work: so much an interrupted run may lose.
    """
    row_bytes = 4 * recipe.spec.parameters
    if recipe.shape is None:
        return rows_per_shard(row_bytes, rows)
    points = recipe.fit.points or recipe.shape.uniform + sum(count for _, count in recipe.shape.near)
    operations = 6 * recipe.spec.parameters * points * recipe.fit.steps
    in_a_minute = max(1, _OPERATIONS_A_MINUTE // operations)
    wanted = rows_per_shard(row_bytes, rows, recipe.views)
    return max(min(wanted, in_a_minute), -(-rows // _MOST_SHARDS))


def plan_job(recipe: Recipe, source: "Source", engine: Engine, limit: int | None) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores.

    ``source.image_shape`` is the (height, width) that all objects share, null if they differ: with it
    a store can be rendered without its source. Shapes also state what was left out and which libraries
    measured them, and have columns of their own.

    Raises:
        SourceError: all images have one shape, and it is one that no store can state.
    """
    objects = source.objects.limited(limit)
    rows = len(objects) * recipe.views
    image_shape = shared_shape(source, objects.object_id)
    of_shapes: dict[str, Any] = {"left_out": dict(source.left_out), "tools": dict(source.tools)}
    return {
        "format": STORE_FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": "generate",
        "generator": GENERATOR,
        "name": recipe.name,
        "recipe": recipe.canonical(),
        "recipe_digest": recipe.digest(),
        "limit": limit,
        "objects": len(objects),
        "rows": rows,
        "rows_per_shard": recipe.store.rows_per_shard or _shard_rows(recipe, rows),
        **({} if recipe.fit.shadow is None else {"columns": dict.fromkeys(SHADOW_COLUMNS, 1)}),
        **(
            {}
            if recipe.shape is None
            else {"columns": {"repairs": REPAIRS}, "max_disagreement": recipe.shape.max_disagreement}
        ),
        "arch": recipe.spec.to_json(),
        "arithmetic": dict(engine.arithmetic),
        "source": {
            "files": dict(source.files),
            "class_names": None if source.class_names is None else list(source.class_names),
            "image_shape": None if image_shape is None else list(image_shape),
            **({} if recipe.shape is None else of_shapes),
        },
    }
