"""Surfaces of fields: the level follows from what a field was fitted to, and how."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit.init import initial_weights
from neuralviews.fit.surface import field_mesh, field_surface, record_targets, shape_values, surface_level
from neuralviews.mesh.surface import grid_points
from neuralviews.records import ShapeTarget
from neuralviews.signals.shape_values import ShapeValues

from ..ball_fields import SPEC, ball_recipe, ball_store, ball_weights
from ..made_stores import make_store
from ..mesh.analytic import box, require_closed, volume

CENTRE = np.array([0.2, -0.1, 0.15])
RADIUS = 0.55
RESOLUTION = 81  # a step is a quarter of the truncations below
STEP = 2 / (RESOLUTION - 1)


@pytest.mark.parametrize(
    ("target", "values", "level"),
    [
        ("sdf", ShapeValues(ShapeTarget.sdf, 0.1, -1, 1, logits=False), 0),
        ("sdf", ShapeValues(ShapeTarget.sdf, 0.1, 0, 0.2, logits=False), 0.1),
        ("sdf", ShapeValues(ShapeTarget.sdf, 0.1, 0, 1, logits=True), 0),
        ("sdf", ShapeValues(ShapeTarget.sdf, 0.1, 0, 0.8, logits=True), math.log(0.4 / 0.6)),
        ("udf", ShapeValues(ShapeTarget.udf, 0.1, 0, 0.2, logits=False), 0.05),
        ("udf", ShapeValues(ShapeTarget.udf, 0.1, 0, 1, logits=True), math.log(0.25 / 0.75)),
        ("udf", ShapeValues(ShapeTarget.sdf, 0.1, -1, 1, logits=False), 0.25),  # it fell back
        ("occupancy", ShapeValues(ShapeTarget.occupancy, 0.1, 0, 0.1, logits=False), 0.05),
        ("occupancy", ShapeValues(ShapeTarget.occupancy, 0.1, 0, 1, logits=True), 0),
    ],
)
def test_levels(target: str, values: ShapeValues, level: float) -> None:
    kind = ShapeTarget[target]
    assert surface_level(values, kind, RESOLUTION) == pytest.approx(level, abs=1e-7)
    inside_above = target == "occupancy"
    weights = ball_weights(math.sqrt(RADIUS**2 + (level if inside_above else -level)), CENTRE)
    if inside_above:
        weights[slice(SPEC.layers[-1].weight.start, None)] *= -1
    mesh = field_mesh(SPEC, weights, values, kind, RESOLUTION)
    require_closed(mesh)
    assert volume(mesh) > 0
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices - CENTRE, axis=1), RADIUS, atol=STEP**2)


@pytest.mark.parametrize(
    ("resolution", "distance"), [(401, 0.025), (81, 0.025), (41, 0.05), (11, 0.075), (1, 0.075)]
)
def test_coarse_grids_have_thicker_shells(resolution: int, distance: float) -> None:
    values = ShapeValues(ShapeTarget.udf, 0.1, 0, 0.1, logits=False)
    assert surface_level(values, ShapeTarget.udf, resolution) == pytest.approx(distance, abs=1e-7)
    for target in (ShapeTarget.sdf, ShapeTarget.occupancy):
        signed = ShapeValues(target, 0.1, 0, 0.1, logits=False)
        assert surface_level(signed, target, resolution) == pytest.approx(0.05, abs=1e-7)


@pytest.mark.parametrize("resolution", [30, 64, 96])
def test_a_sheet_is_one_shell_at_any_resolution(resolution: int) -> None:
    """A square without thickness, askew in the grid, is not torn."""
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    distance = np.abs(box((0.6, 0.6, 0.0))(grid_points(resolution) @ turn)).astype(np.float32)
    values = ShapeValues(ShapeTarget.udf, 0.1, 0, 0.1, logits=False)
    mesh = field_surface(np.minimum(distance, 0.1), values, ShapeTarget.udf)
    require_closed(mesh)
    parts, _ = connected_components(
        coo_array((np.ones(len(mesh.faces)), mesh.faces[:, :2].T), shape=2 * (len(mesh.vertices),)).tocsr(),
        directed=False,
    )
    assert parts == 1


def test_an_empty_surface_is_no_error() -> None:
    values = ShapeValues(ShapeTarget.sdf, 0.1, -1, 1, logits=False)
    mesh = field_mesh(SPEC, ball_weights(0, CENTRE), values, ShapeTarget.sdf, 8)
    assert len(mesh.faces) == 0


def test_vertices_lie_where_the_field_is_at_its_level() -> None:
    spec = FieldSpec([3, 16, 16, 1], omega=6.0, output_offset=0.1, output_scale=0.7)
    weights = initial_weights(spec, "siren", [5])[0]
    values = ShapeValues(ShapeTarget.sdf, 0.1, -1, 1, logits=False)
    mesh = field_mesh(spec, weights, values, ShapeTarget.sdf, 64)
    inner = mesh.vertices[(np.abs(mesh.vertices) < 1 - 2 / 63).all(axis=1)]
    assert len(inner) > 1000
    found = np.abs(evaluate(spec, weights, inner)[:, 0])
    assert found.max() < 0.01 * np.ptp(evaluate(spec, weights, mesh.vertices)) + 0.01


def test_fields_of_other_signals_have_no_surface() -> None:
    spec = FieldSpec([2, 4, 1])
    values = ShapeValues(ShapeTarget.sdf, 0.1, -1, 1, logits=False)
    with pytest.raises(SpecError) as error:
        field_mesh(spec, initial_weights(spec, "siren", [0])[0], values, ShapeTarget.sdf, 8)
    assert str(error.value) == "field: found [2, 4, 1], expected 3 inputs and 1 output"
    with pytest.raises(OptionError, match="outputs: found 9, expected a cube of a whole number"):
        field_surface(np.zeros(9, np.float32), values, ShapeTarget.sdf)


def test_stores(tmp_path: Path) -> None:
    store = ball_store(tmp_path / "store")
    records = store.read([0, 9, 11, 12])
    assert record_targets(store, records).tolist() == [0, 1, 1, 0]
    assert shape_values(store) == ShapeValues.of(ball_recipe())
    images = make_store(tmp_path / "images")
    with pytest.raises(SpecError) as error:
        shape_values(images)
    assert str(error.value) == (
        f"{images.root}: found fields fitted to source.kind = 'digits', "
        "expected fields of shapes: only these have surfaces"
    )
