"""Surfaces of fitted fields: where a field's output is that of its shape's surface."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SpecError
from ..field import FieldSpec
from ..field_values import field_values
from ..mesh.mesh import Mesh
from ..mesh.surface import extract, grid_points
from ..records import Records, ShapeTarget
from ..signals.shape_values import ShapeValues
from .stated import stated_job

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["field_mesh", "field_surface", "record_targets", "shape_values", "surface_level"]

_SHELL = 1 / 4
"""Of the truncation: how far from a surface the shell lies at least that shows an unsigned distance."""


def shape_values(store: "Store") -> ShapeValues:
    """What outputs of a store's fields mean; of augmented copies, what those of their ancestors mean.

    Raises:
        SpecError: the fields are not of shapes.
        FormatError: the store does not say what they were fitted to.
    """
    recipe = stated_job(store).recipe
    if recipe.shape is None:
        raise SpecError(
            f"{store.root}: found fields fitted to source.kind = '{recipe.source.__struct_config__.tag}', "
            "expected fields of shapes: only these have surfaces"
        )
    return ShapeValues.of(recipe)


def record_targets(store: "Store", records: Records) -> NDArray[np.uint8]:
    """What records of shapes were fitted to, (n,) `ShapeTarget`; of copies, what their ancestors were.

    Args:
        records: read from ``store``.
    Raises:
        OptionError: copies of a store in which some objects may have become unsigned distances: they do not
            say which.
        SpecError, FormatError: as `shape_values`.
    """
    if records.shapes:
        return records.columns["target"]
    target, shape = shape_values(store).target, stated_job(store).recipe.shape
    if shape is not None and shape.unreliable == "udf" and target is not ShapeTarget.udf:
        raise OptionError(
            f"{store.root}: copies do not say whose objects became unsigned distances "
            "(shape.unreliable = 'udf'), so their surfaces are not known; take the store they were made from"
        )
    return np.full(len(records), target, np.uint8)


def surface_level(values: ShapeValues, target: ShapeTarget, resolution: int) -> float:
    """The output of a field on the surface of its shape.

    An unsigned distance is never below 0, and a fitted one misses 0 here and there. So its level is that of a
    positive distance, which makes a closed shell, on both sides of the surface: a quarter of the truncation,
    or on coarse grids, which would miss parts of so thin a shell, their step, but at most three quarters.

    Args:
        target: what the field itself was fitted to.
        resolution: points along each edge of the grid.
    """
    if target is not ShapeTarget.udf:
        return values.output_at(0.0)
    step = 2 / max(resolution - 1, 1)
    least, most = _SHELL * values.truncation, (1 - _SHELL) * values.truncation
    return values.output_at(min(max(least, step), most))


def field_surface(outputs: NDArray[np.float32], values: ShapeValues, target: ShapeTarget) -> Mesh:
    """The surface in a field's outputs (r^3,) at `mesh.surface.grid_points`; see `mesh.surface.extract`.

    Raises:
        OptionError: no such number of outputs.
    """
    resolution = round(outputs.size ** (1 / 3))
    if outputs.size != resolution**3:
        raise OptionError(f"outputs: found {outputs.size}, expected a cube of a whole number")
    level, below = surface_level(values, target, resolution), values.target is not ShapeTarget.occupancy
    return extract(outputs.reshape((resolution,) * 3), level, inside_below=below)


def field_mesh(
    spec: FieldSpec,
    weights: NDArray[np.float32],
    values: ShapeValues,
    target: ShapeTarget,
    resolution: int,
) -> Mesh:
    """The surface of one field, in the cube [-1, 1]^3; without triangles if it has none.

    Args:
        weights: (P,) float32.
        values, target: see `shape_values` and `record_targets`.
        resolution: points along each edge of the cube.
    Raises:
        SpecError: weights that do not fit the spec, or a field that is not of 3 coordinates and 1 output.
    """
    if (spec.in_dim, spec.out_dim) != (3, 1):
        raise SpecError(f"field: found {list(spec.dims)}, expected 3 inputs and 1 output")
    planes = grid_points(resolution).reshape(resolution, 1, resolution**2, 3)
    outputs = np.empty((resolution, resolution**2), np.float32)
    for plane, points in enumerate(planes):  # one at a time: a whole cube's layers are much memory
        outputs[plane] = field_values(spec, weights[None], points)[0, :, 0]
    return field_surface(outputs.reshape(-1), values, target)
