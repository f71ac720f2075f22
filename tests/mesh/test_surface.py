"""Surfaces from grids: where they lie, that they are closed and face outwards, whatever the values."""

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuralviews.errors import OptionError
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.surface import extract, grid_points

from .analytic import Distance, areas, ball, box, require_closed, torus, volume

RESOLUTION = 48
STEP = 2 / (RESOLUTION - 1)


def surface(distance: Distance, resolution: int = RESOLUTION, level: float = 0.0) -> Mesh:
    values = distance(grid_points(resolution).astype(np.float64)).astype(np.float32)
    return extract(values.reshape((resolution,) * 3), level, inside_below=True)


SOLIDS = [
    (ball(0.7, (0.1, -0.2, 0.05)), 4 / 3 * pi * 0.7**3),
    (box((0.5, 0.3, 0.65), (0.2, 0.1, -0.15)), 8 * 0.5 * 0.3 * 0.65),
    (torus(0.55, 0.25, (-0.1, 0.1, 0.3)), 2 * pi**2 * 0.55 * 0.25**2),
]


def test_grid_points_are_indexed_by_x_y_z() -> None:
    grid = grid_points(5).reshape(5, 5, 5, 3)
    assert grid.dtype == np.float32
    axis = np.array([-1, -0.5, 0, 0.5, 1])
    for i, place in enumerate(np.meshgrid(axis, axis, axis, indexing="ij")):
        np.testing.assert_array_equal(grid[..., i], place)


@pytest.mark.parametrize(("distance", "truth"), SOLIDS, ids=["ball", "box", "torus"])
def test_solids(distance: Distance, truth: float) -> None:
    mesh = surface(distance)
    require_closed(mesh)
    assert (mesh.vertices.dtype, mesh.faces.dtype) == (np.float64, np.int64)
    assert mesh.vertices.flags.c_contiguous
    assert mesh.faces.flags.c_contiguous
    assert np.abs(distance(mesh.vertices)).max() < STEP / 4
    assert volume(mesh) == pytest.approx(truth, rel=0.02)
    assert areas(mesh).min() > 0


def test_the_whole_solid_is_found() -> None:
    """No part of the ball is farther than a cell from a vertex."""
    points = np.random.default_rng(0).normal(size=(500, 3))
    points *= 0.7 / np.linalg.norm(points, axis=1, keepdims=True)
    gaps = np.linalg.norm(points[:, None] - surface(ball(0.7)).vertices, axis=2).min(axis=1)
    assert gaps.max() < STEP


def test_levels_shift_the_surface() -> None:
    mesh = surface(ball(0.5), level=0.2)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.7, atol=STEP**2)


def test_occupancies_have_their_inside_above() -> None:
    values = ball(0.6)(grid_points(RESOLUTION).astype(np.float64)).reshape((RESOLUTION,) * 3)
    below, above = extract(values, 0.1, inside_below=True), extract(-values, -0.1, inside_below=False)
    np.testing.assert_array_equal(above.vertices, below.vertices)
    np.testing.assert_array_equal(above.faces, below.faces)
    assert volume(above) > 0


def test_what_reaches_beyond_the_cube_ends_in_a_cap() -> None:
    mesh = surface(ball(0.6, (0.9, 0.9, -0.9)))
    require_closed(mesh)
    assert np.abs(mesh.vertices).max() <= 1
    capped = (np.abs(mesh.vertices) > 1 - STEP).any(axis=1)
    assert 0 < capped.sum() < len(capped)
    assert np.abs(ball(0.6, (0.9, 0.9, -0.9))(mesh.vertices[~capped])).max() < STEP / 4
    full = extract(np.full((9, 9, 9), -1.0), 0.0, inside_below=True)
    require_closed(full)
    assert 7 < volume(full) < 8  # but for its edges, the cube


@pytest.mark.parametrize("value", [0.0, 1.0, np.inf, np.nan, -np.inf])
def test_nothing_inside_is_an_empty_mesh(value: float) -> None:
    mesh = extract(np.full((6, 6, 6), value), 0.0, inside_below=True)
    assert (mesh.vertices.shape, mesh.faces.shape) == ((0, 3), (0, 3))
    assert (mesh.vertices.dtype, mesh.faces.dtype) == (np.float64, np.int64)


def test_a_surface_through_points_of_the_grid_has_no_triangles_without_an_area() -> None:
    mesh = surface(box((0.5, 0.5, 0.5)), resolution=33)
    require_closed(mesh)
    assert areas(mesh).min() > 0
    assert volume(mesh) == pytest.approx(1, rel=1e-3)


@given(
    arrays(
        np.float32,
        (5, 5, 5),
        elements=st.sampled_from([-1, -0.25, 0, 0.5, 2, np.nan, np.inf, -np.inf, 3e38, -3e38]),
    ),
    st.sampled_from([-0.25, 0.0, 0.3]),
    st.booleans(),
)
def test_any_values_make_a_closed_mesh(values: np.ndarray, level: float, inside_below: bool) -> None:
    mesh = extract(values, level, inside_below=inside_below)
    if len(mesh.faces):
        require_closed(mesh)
    assert np.isfinite(mesh.vertices).all()
    assert np.abs(mesh.vertices).max(initial=0) <= 1
    assert volume(mesh) >= 0
    inside = (values < level if inside_below else values > level) & np.isfinite(values)
    assert (len(mesh.faces) > 0) >= inside[1:-1, 1:-1, 1:-1].any()


def test_the_same_bytes_each_time() -> None:
    first, second = surface(SOLIDS[2][0]), surface(SOLIDS[2][0])
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert first.faces.tobytes() == second.faces.tobytes()


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 5), (1, 1, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OptionError) as error:
        extract(np.zeros(shape), 0.0, inside_below=True)
    assert str(error.value) == f"values: found shape {shape}, expected (r, r, r) with r at least 2"
