"""Shapes that are moved: the surface of the moved field is the moved surface, on fields that were fitted."""

from functools import cache

import igl
import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.base import Augmentation
from neuralviews.augment.batch import Batch, Context, SoftLabels
from neuralviews.augment.compose import Compose
from neuralviews.augment.geometry import AffineCoords, SdfScale
from neuralviews.augment.measure import in_domain, measure, render_target
from neuralviews.augment.target import Target
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.registry import get_engine
from neuralviews.fit.surface import field_mesh
from neuralviews.mesh.mesh import Mesh
from neuralviews.records import ShapeTarget
from neuralviews.signals.shape_values import ShapeValues

from ..mesh.analytic import box, require_closed, torus, volume
from .pairs import draws_for

Doubles = NDArray[np.float64]

SPEC = FieldSpec([3, 32, 32, 1], omega=8.0)
TRUNCATION = 0.5
RESOLUTION = 64
STEP = 2 / (RESOLUTION - 1)
CENTRES = 2 * ((0.15, -0.1, 0.2), (-0.15, 0.1, -0.2))
SOLIDS = 2 * (box((0.35, 0.2, 0.3), CENTRES[0]), torus(0.4, 0.15, CENTRES[1]))
RANGES = {"middle 0": (-TRUNCATION, TRUNCATION), "middle 1/2": (0.0, 2 * TRUNCATION)}
POINTS = np.random.default_rng(1).uniform(-1, 1, (2000, 3)).astype(np.float32)

STEPS: dict[str, Augmentation] = {
    "rotated": AffineCoords(rotate_3d=180.0),
    "mirrored": AffineCoords(flip=("x", "y", "z")),
    "turned": AffineCoords(quarter_turns=True),
    "moved": AffineCoords(translate=0.25),
    "grown": AffineCoords(scale=(0.7, 1.2)),
    "everything": AffineCoords(
        rotate_3d=180.0, translate=0.2, scale=(0.7, 1.1), flip=("x",), quarter_turns=True
    ),
}
"""Settings with which (nearly all of) the solids stay within the cube."""


@cache
def fitted(name: str) -> Batch:
    """Two boxes and two toruses, each from its own initial weights, with these as target range."""
    low, high = RANGES[name]
    middle, points = (low + high) / 2, np.random.default_rng(0).uniform(-1, 1, (4096, 3)).astype(np.float32)
    distances = [np.clip(solid(points.astype(float)), -TRUNCATION, TRUNCATION) for solid in SOLIDS]
    values = (np.array(distances) + middle).astype(np.float32)[..., None]
    budget = Budget(500, 1e-2, "cosine")
    signals, inits = Signals(points, values, high - low), initial_weights(SPEC, "siren", range(len(SOLIDS)))
    result = get_engine("cpu", SPEC, budget).fit(SPEC, signals, inits, budget)
    assert result.psnr.min() > 35
    context = Context(SPEC, high - low, None, 0, low, middle)
    return Batch.of(context, result.weights, SoftLabels.of(np.full(len(SOLIDS), -1)))


def surfaces(batch: Batch) -> list[Mesh]:
    low, high = batch.context.low, batch.context.low + batch.context.span
    values = ShapeValues(ShapeTarget.sdf, TRUNCATION, low, high, logits=False)
    return [field_mesh(SPEC, row, values, ShapeTarget.sdf, RESOLUTION) for row in batch.weights]


def maps(params: NDArray[np.float32]) -> tuple[Doubles, Doubles]:
    """M (n, 3, 3) and t (n, 3): copies are f(M x + t)."""
    wide = params.astype(np.float64)
    return wide[:, :9].reshape(-1, 3, 3), wide[:, 9:12]


def augmented(step: Augmentation, batch: Batch, base: int = 11) -> tuple[Batch, NDArray[np.float32], Target]:
    step.require(batch.context)
    params = step.sample(batch, draws_for(batch, base=base))
    parent = Target.of_parent(len(batch), 3, 1)
    return step.apply(batch, params), params, step.expect(parent, params, batch.context)


def gap(points: Doubles, mesh: Mesh) -> float:
    """The largest distance from points to a surface, of those that are not near the border of the cube."""
    inner = np.ascontiguousarray(points[(np.abs(points) < 1 - 2 * STEP).all(axis=1)])
    assert len(inner) > 0.9 * len(points)
    return float(np.sqrt(igl.point_mesh_squared_distance(inner, mesh.vertices, mesh.faces)[0].max()))


def test_the_fields_are_of_their_solids() -> None:
    for solid, mesh in zip(SOLIDS, surfaces(fitted("middle 0")), strict=True):
        require_closed(mesh)
        assert np.abs(solid(mesh.vertices)).mean() < STEP
        assert len(mesh.faces) > 3000


@pytest.mark.parametrize("name", STEPS)
def test_the_surface_of_the_moved_field_is_the_moved_surface(name: str) -> None:
    """Both ways: no part of either surface is far from the other."""
    batch = fitted("middle 0")
    after, params, _ = augmented(STEPS[name], batch)
    for old, new, matrix, shift in zip(surfaces(batch), surfaces(after), *maps(params), strict=True):
        require_closed(new)
        inverse = np.linalg.inv(matrix)
        moved = Mesh(np.ascontiguousarray((old.vertices - shift) @ inverse.T), old.faces)
        assert max(gap(moved.vertices, new), gap(new.vertices, moved)) < STEP / 4
        assert volume(new) == pytest.approx(volume(old) * abs(np.linalg.det(inverse)), rel=0.02)


@pytest.mark.parametrize("name", STEPS)
def test_values_move_with_the_shape(name: str) -> None:
    batch = fitted("middle 0")
    after, params, expected = augmented(STEPS[name], batch)
    rendered = render_target(SPEC, expected, batch.weights, None, POINTS)
    assert measure(SPEC, after.weights, POINTS, rendered, batch.context.span).psnr.min() > 100
    for i, (matrix, shift) in enumerate(zip(*maps(params), strict=True)):
        there = POINTS.astype(float) @ matrix.T + shift
        within = (np.abs(there) <= 1).all(axis=1)
        assert in_domain(expected, POINTS)[i] == pytest.approx(within.mean(), abs=2 / len(POINTS))
        values = evaluate(SPEC, batch.weights[i], there)
        np.testing.assert_allclose(evaluate(SPEC, after.weights[i], POINTS), values, atol=1e-5)
        np.testing.assert_allclose(rendered[i], values, atol=1e-5)


def test_turned_and_moved_fields_are_those_of_turned_and_moved_solids() -> None:
    """The direction of every map, against the solids themselves: content goes where the settings say."""
    batch = fitted("middle 0")
    after, params, _ = augmented(AffineCoords(rotate_3d=180.0, translate=0.2), batch)
    found = zip(SOLIDS, CENTRES, surfaces(after), *maps(params), strict=True)
    for solid, centre, mesh, matrix, shift in found:
        assert np.abs(solid(mesh.vertices @ matrix.T + shift)).mean() < STEP
        there = np.linalg.inv(matrix) @ (np.array(centre) - shift)
        np.testing.assert_allclose(mesh.vertices.mean(axis=0), there, atol=0.05)


@pytest.mark.parametrize("name", RANGES)
def test_a_grown_shape_has_distances_that_grew(name: str) -> None:
    batch = fitted(name)
    step, zero = SdfScale(0.7, 1.3), batch.context.zero
    assert zero is not None
    after, params, expected = augmented(step, batch)
    rendered = render_target(SPEC, expected, batch.weights, None, POINTS)
    for i, (old, new) in enumerate(zip(surfaces(batch), surfaces(after), strict=True)):
        factor = float(params[i, 0])
        grown = Mesh(old.vertices * factor, old.faces)
        assert max(gap(grown.vertices, new), gap(new.vertices, grown)) < STEP / 4
        values = zero + factor * (evaluate(SPEC, batch.weights[i], POINTS / factor) - zero)
        np.testing.assert_allclose(evaluate(SPEC, after.weights[i], POINTS), values, atol=2e-5)
        np.testing.assert_allclose(rendered[i], values, atol=2e-5)
        # It is the distance from the grown solid, up to the error of the fit.
        near = np.abs(truth := factor * SOLIDS[i](POINTS.astype(float) / factor)) < 0.1
        found = evaluate(SPEC, after.weights[i], POINTS)[:, 0] - zero
        assert np.abs(found - truth)[near].mean() < STEP


def test_what_leaves_the_cube_is_told() -> None:
    batch = fitted("middle 0")
    _, params, expected = augmented(AffineCoords(translate=1.5), batch)
    _, shift = maps(params)
    fraction = in_domain(expected, POINTS)
    overlap = np.prod(1 - np.abs(shift) / 2, axis=1)  # of a cube and itself, moved
    np.testing.assert_allclose(fraction, overlap, atol=0.03)
    assert fraction.min() < 0.5


def test_steps_follow_each_other() -> None:
    """Turned, then grown, then moved: still the surface that the maps together make."""
    batch = fitted("middle 1/2")
    steps = Compose([AffineCoords(rotate_3d=90.0), SdfScale(0.8, 1.1), AffineCoords(translate=0.15)])
    after, params = steps.run(batch, draws_for(batch), track=True)
    (turn, _), factor, (_, shift) = maps(params[:, :12]), params[:, 12].astype(float), maps(params[:, 13:])
    for i, (old, new) in enumerate(zip(surfaces(batch), surfaces(after), strict=True)):
        vertices = (old.vertices @ np.linalg.inv(turn[i]).T) * factor[i] - shift[i]
        moved = Mesh(np.ascontiguousarray(vertices), old.faces)
        assert max(gap(moved.vertices, new), gap(new.vertices, moved)) < STEP / 4
    assert after.target is not None
    rendered = render_target(SPEC, after.target, batch.weights, None, POINTS)
    np.testing.assert_allclose(
        rendered, np.array([evaluate(SPEC, row, POINTS) for row in after.weights]), atol=2e-5
    )
