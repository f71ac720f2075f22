"""Fields of shapes as pictures of their surfaces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.measure import render_target
from ..augment.target import Target
from ..draws import Draws
from ..fit.stated import stated_job
from ..fit.surface import field_mesh, field_surface, record_targets, shape_values
from ..mesh.compare import chamfer
from ..mesh.mesh import Mesh
from ..mesh.surface import grid_points
from ..records import Records, ShapeTarget
from ..seeds import derive_seed
from .layout import DPI, TILE
from .painter import Painting, Picture
from .shade import CUBE_EXTENT, extent_of, shade
from .sheet import ALARM, PALE, Line

if TYPE_CHECKING:
    from ..signals.shapes import ShapeSource
    from ..store.reader import Store

__all__ = ["RESOLUTION", "ShapePainter"]

RESOLUTION = 96
"""Points along each edge of the cube at which fields are seen."""

SIZE = round(TILE * DPI)
"""Pixels along each edge of a picture."""

CHAMFER_POINTS = 3000
"""Points drawn on each of two surfaces: their mean distance is then known to a few percent."""

_LEAST_EXTENT = 1 / RESOLUTION  # less than a cell is not seen of a field

_BLOCK = 1 << 15  # points at which targets are worked out in one go


class ShapePainter:
    """See `Painter`. Objects fill their pictures; fields and targets stand in that of the whole cube."""

    def __init__(self, store: "Store", source: "ShapeSource | None" = None) -> None:
        self._store, self._source = store, source
        self._values = shape_values(store)

    @property
    def canvas(self) -> str:
        return " × ".join([str(RESOLUTION)] * 3) + " points"

    def objects(self, chosen: Mapping[int, Sequence[int]]) -> dict[int, Painting]:
        return {object_id: self._painting(object_id, rows) for object_id, rows in chosen.items()}

    def fields(self, weights: NDArray[np.float32]) -> list[Picture]:
        return [shade(self._surface(row, self._target), SIZE) for row in weights]

    def targets(
        self, target: Target, weights_a: NDArray[np.float32], weights_b: NDArray[np.float32] | None
    ) -> list[Picture]:
        pictures = []
        for row in range(len(target)):
            one = slice(row, row + 1)
            alone = Target(
                tuple(
                    replace(
                        term,
                        matrix=term.matrix[one],
                        shift=term.shift[one],
                        gain=term.gain[one],
                        offset=term.offset[one],
                    )
                    for term in target.terms
                )
            )
            outputs = self._expected(alone, weights_a[one], None if weights_b is None else weights_b[one])
            pictures.append(shade(field_surface(outputs, self._values, self._target), SIZE))
        return pictures

    @cached_property
    def _target(self) -> ShapeTarget:
        """What all fields were fitted to, where records cannot be asked one by one."""
        (target,) = record_targets(self._store, self._store.read([0]))
        return ShapeTarget(target)

    def _surface(self, weights: NDArray[np.float32], target: ShapeTarget) -> Mesh:
        return field_mesh(self._store.spec, weights, self._values, target, RESOLUTION)

    def _expected(
        self, target: Target, weights_a: NDArray[np.float32], weights_b: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Values (r^3,) of what one copy should render."""
        points, spec = grid_points(RESOLUTION), self._store.spec
        parts = [
            render_target(spec, target, weights_a, weights_b, points[start : start + _BLOCK])
            for start in range(0, len(points), _BLOCK)
        ]
        return np.concatenate(parts, axis=1).reshape(-1)

    def _painting(self, object_id: int, rows: Sequence[int]) -> Painting:
        records = self._store.read(np.array(rows, np.int64))
        targets = [ShapeTarget(target) for target in records.columns["target"]]
        surfaces = [self._surface(*pair) for pair in zip(records.weights, targets, strict=True)]
        original = None if self._source is None else self._source.mesh(object_id)
        extent = _common_extent(surfaces if original is None else [original])
        return Painting(
            None if original is None else shade(original, SIZE, extent),
            tuple(shade(surface, SIZE, extent) for surface in surfaces),
            tuple(self._quality(records, place, surfaces[place], original) for place in range(len(rows))),
            self._note(records),
        )

    def _quality(self, records: Records, place: int, surface: Mesh, original: Mesh | None) -> tuple[str, str]:
        """IoU, or without an inside the error at the surface; and the Chamfer distance from the source.

        What is drawn of unsigned distances is a shell beside the surface, whose distance says nothing.
        """
        columns = records.columns
        if columns["target"][place] == ShapeTarget.udf:
            return f"error {columns['surface_error'][place]:.4f}", "" if len(surface.faces) else "no surface"
        first = f"IoU {columns['iou'][place]:.3f}"
        if not len(surface.faces):
            return first, "no surface"
        if original is None:
            return first, ""
        draws = Draws(np.array([derive_seed(0, self._store.dataset_id, "chamfer")], np.uint64))
        return first, f"Chamfer {chamfer(surface, original, CHAMFER_POINTS, draws):.4f}"

    def _note(self, records: Records) -> Line:
        shape = stated_job(self._store).recipe.shape
        assert shape is not None  # or the store had no such painter
        disagreement = float(records.columns["sign_disagreement"][0])
        doubtful = np.float32(disagreement) > np.float32(shape.max_disagreement)
        unsigned = (records.columns["target"] == ShapeTarget.udf).any()
        if not doubtful:
            return "unsigned: a shell" if unsigned else "", PALE
        share = f"{100 * disagreement:.0f} %"  # in few letters: there may be but two tiles to write under
        return f"unsigned: {share} unreliable" if unsigned else f"signs unreliable ({share})", ALARM


def _common_extent(meshes: Sequence[Mesh]) -> float:
    """The extent of a picture that shows all of these meshes, and is not lost in the cube of their fields."""
    extents = (max(extent_of(mesh), _LEAST_EXTENT) for mesh in meshes if len(mesh.vertices))
    return max(extents, default=CUBE_EXTENT)
