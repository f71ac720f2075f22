"""The job of a generated store: everything that decides its bytes, seeds included."""

from typing import TYPE_CHECKING, Any

from ..recipe import Recipe
from ..seeds import derive_seed
from ..store.schema import FORMAT_VERSION, STORE_FORMAT
from ..work.sizes import rows_per_shard
from .engine import Budget, Engine

if TYPE_CHECKING:
    from ..signals.catalogue import Source

__all__ = ["GENERATOR", "budget_of", "first_seed", "plan_job", "retry_seed"]

GENERATOR = 1
"""Raised whenever the same recipe, source and engine would give other bytes than before."""


def budget_of(recipe: Recipe) -> Budget:
    """The recipe's table ``fit`` as the engines take it."""
    fit = recipe.fit
    return Budget(fit.steps, fit.lr, fit.schedule, fit.target_psnr, fit.keep_best)


def first_seed(recipe: Recipe, object_id: int, view: int) -> int:
    """The seed of a view's initial weights; a shared init has one seed for all objects of a view."""
    if recipe.init.shared:
        return derive_seed(recipe.seed, recipe.name, "shared", view)
    return derive_seed(recipe.seed, recipe.name, object_id, view)


def retry_seed(recipe: Recipe, object_id: int, view: int, attempt: int) -> int:
    """The seed that a failed fit is repeated from, attempts counted from 1."""
    return derive_seed(recipe.seed, recipe.name, object_id, view, "retry", attempt)


def plan_job(recipe: Recipe, source: "Source", engine: Engine, limit: int | None) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores.

    ``source.image_shape`` is the (height, width) that all objects share, null if they differ: with it
    a store can be rendered without its source.
    """
    objects = source.objects.limited(limit)
    rows = len(objects) * recipe.views
    shapes = {source.image_shape(int(object_id)) for object_id in objects.object_id}
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
        "rows_per_shard": recipe.store.rows_per_shard or rows_per_shard(4 * recipe.spec.parameters, rows),
        "arch": recipe.spec.to_json(),
        "arithmetic": dict(engine.arithmetic),
        "source": {
            "files": dict(source.files),
            "class_names": None if source.class_names is None else list(source.class_names),
            "image_shape": list(shapes.pop()) if len(shapes) == 1 else None,
        },
    }
