"""Stores of fields whose surfaces are known without a fit."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neuralviews.recipe import Recipe
from neuralviews.signals.shapes import ShapeSource
from neuralviews.store.reader import Store

from ..made_stores import make_shapes_store, shapes_recipe
from ..mesh.solids import sphere

RADII = (0.5, 0.6, 0.7)
"""Of the ball that each view of every object is."""
SOURCE_RADIUS = 0.6

_FREQUENCY = 0.3


def ball_recipe(**shape: Any) -> Recipe:
    """Fields with one hidden layer of three, which suffice for balls."""
    shape = {"target": "sdf", "truncation": 0.1, **shape}
    return shapes_recipe(field={"dims": [3, 3, 1], "omega": 1.0}, shape=shape)


def ball_weights(radii: tuple[float, ...]) -> NDArray[np.float32]:
    """Fields (n, P) that are 0 nearly on a sphere and negative inside it; nowhere for a radius of 0.

    They are made of cosines: 3 - cos(a x) - cos(a y) - cos(a z) = (a r)^2 / 2 where a r is small.
    """
    rows = []
    for radius in radii:
        offset = 3 - (_FREQUENCY * radius) ** 2 / 2 if radius else 4.0
        rows.append([*(_FREQUENCY * np.eye(3)).ravel(), *[np.pi / 2] * 3, *[-100.0] * 3, 100 * offset])
    return np.array(rows, np.float32)


def ball_store(root: Path, recipe: Recipe | None = None, radii: tuple[float, ...] = RADII) -> Store:
    """12 objects of 3 views: balls of these radii."""
    return make_shapes_store(root, recipe or ball_recipe(unreliable="udf"), weights=ball_weights(radii * 12))


def ball_source() -> ShapeSource:
    """A source whose every mesh is a ball."""
    ball = sphere(4, SOURCE_RADIUS)
    return cast(ShapeSource, SimpleNamespace(mesh=lambda object_id: ball))
