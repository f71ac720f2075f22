"""Fields of shapes without a fit: balls, whose surfaces are known."""

from collections.abc import Mapping
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec, join
from neuralviews.recipe import Recipe
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from .made_stores import make_shapes_store, shapes_recipe

OMEGA = 0.25
SPEC = FieldSpec([3, 3, 1], OMEGA)
COUNT = 36
"""Records of a store of balls."""


def ball_weights(radius: float, centre: NDArray[np.float64]) -> NDArray[np.float32]:
    """A field of `SPEC` that gives |x - centre|^2 - radius^2, (P,): the sum of ``2 (1 - cos w x) / w^2``.

    The error is at most x^4 w^2 / 12 an axis.
    """
    first = (np.eye(3), pi / (2 * OMEGA) - centre)
    last = (np.full((1, 3), -2 / OMEGA**2), np.array([6 / OMEGA**2 - radius**2]))
    return join(SPEC, [first, last]).astype(np.float32)


def balls() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii (n,) and centres (n, 3) of the balls of a store."""
    stream = np.random.default_rng(3)
    return stream.uniform(0.2, 0.4, COUNT), stream.uniform(-0.4, 0.4, (COUNT, 3))


def ball_recipe(**tables: object) -> Recipe:
    return shapes_recipe(**{"field": {"dims": list(SPEC.dims), "omega": OMEGA}, **tables})


def ball_store(
    root: Path,
    recipe: Recipe | None = None,
    weights: Mapping[int, NDArray[np.float32]] | None = None,
    columns: Mapping[str, NDArray[Any]] | None = None,
) -> Store:
    """A store of balls: record i holds the i-th of `balls`, or what ``weights`` has for it.

    Args:
        columns: in place of those of `make_shapes_store`; records of object 3 are unsigned distances there.
    """
    made = make_shapes_store(root.with_name(f"{root.name}-made"), recipe or ball_recipe())
    records = made.read(np.arange(COUNT))
    fields = np.array([ball_weights(*ball) for ball in zip(*balls(), strict=True)])
    for record, row in (weights or {}).items():
        fields[record] = row
    filled = type(records)(made.spec, fields, {**records.columns, **(columns or {})})
    writer = StoreWriter(root, dict(made.job))
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, filled.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)
