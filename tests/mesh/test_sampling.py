"""Points drawn on and around surfaces: where they may lie, how densely, and from what they follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.draws import Draws
from neuralviews.errors import SourceError
from neuralviews.mesh.distance import unsigned_distance
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.sampling import _folded, near_surface, on_surface, uniform

from .solids import box, sphere

SQUARE = Mesh(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
NO_FACES = np.empty((0, 3), np.int64)


def stream(seed: int = 0) -> Draws:
    return Draws(np.array([seed], np.uint64))


@given(seed=st.integers(0, 2**32 - 1), faces=st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_points_lie_on_the_surface(seed: int, faces: int) -> None:
    rng = np.random.default_rng(seed)
    made = Mesh(
        rng.uniform(-1, 1, (12, 3)), np.sort(rng.permuted(np.tile(np.arange(12), (faces, 1)), axis=1)[:, :3])
    )
    points = on_surface(made, 100, stream(seed))
    assert points.shape == (100, 3)
    assert unsigned_distance(made, points).max() < 1e-12


def test_points_are_spread_evenly() -> None:
    """Over triangles by their areas, and within a triangle: 100 cells of a square hold 400 points each."""
    count = 40_000
    points = on_surface(SQUARE, count, stream())
    cells, *_ = np.histogram2d(points[:, 0], points[:, 1], bins=10, range=[(0, 1), (0, 1)])
    assert np.sum((cells - count / 100) ** 2) / (count / 100) < 150  # chi squared of 99 degrees: 3.6 sigma
    uneven = Mesh(
        np.concatenate([SQUARE.vertices, 3 * SQUARE.vertices + 5]), np.array([[0, 1, 2], [4, 5, 6]])
    )
    assert (on_surface(uneven, count, stream())[:, 0] > 4).mean() == pytest.approx(0.9, abs=0.006)


def test_a_cloud_gives_its_vertices_alike() -> None:
    cloud = Mesh(np.arange(12.0).reshape(4, 3), NO_FACES)
    which, often = np.unique(on_surface(cloud, 8000, stream())[:, 0], return_counts=True)
    assert which.tolist() == [0, 3, 6, 9]
    assert np.abs(often - 2000).max() < 160


def test_triangles_without_area_are_never_drawn() -> None:
    made = Mesh(SQUARE.vertices, np.array([[0, 0, 1], [0, 1, 2], [2, 2, 3], [3, 3, 3]]))
    points = on_surface(made, 2000, stream())
    assert (points[:, 1] <= points[:, 0] + 1e-12).all()


@pytest.mark.parametrize("sigma", [1e-4, 0.03])
def test_distances_from_a_plane_are_normal(sigma: float) -> None:
    flat = Mesh(0.5 * SQUARE.vertices, SQUARE.faces)
    moved = near_surface(flat, sigma, 20_000, stream())[:, 2] / sigma
    assert abs(moved.mean()) < 0.03
    assert moved.std() == pytest.approx(1, abs=0.02)
    assert (np.abs(moved) < 1).mean() == pytest.approx(0.683, abs=0.015)


@given(seed=st.integers(0, 2**32 - 1), sigma=st.floats(1e-4, 1))
@settings(max_examples=30, deadline=None)
def test_points_stay_in_the_cube(seed: int, sigma: float) -> None:
    points = near_surface(sphere(2, 0.99), sigma, 300, stream(seed))
    assert points.dtype == np.float32
    assert np.abs(points).max() <= 1


@given(x=st.floats(-20, 20))
def test_what_leaves_the_cube_is_mirrored_at_its_faces(x: float) -> None:
    expected = x
    while abs(expected) > 1:
        expected = (2 if expected > 0 else -2) - expected
    assert _folded(np.array([x]))[0] == pytest.approx(expected, abs=1e-12)
    assert abs(x) > 1 or _folded(np.array([x]))[0] == x


def test_no_points_pile_up_on_the_faces_of_the_cube() -> None:
    points = near_surface(box((-0.9, -0.9, -0.9), (0.9, 0.9, 0.9), 0), 0.2, 20_000, stream())
    assert (np.abs(points) == 1).sum() < 10
    assert (np.abs(points).max(axis=1) > 0.99).mean() < 0.2


def test_the_cube_is_filled_evenly() -> None:
    points = uniform(64_000, stream())
    assert points.dtype == np.float32
    assert points.shape == (64_000, 3)
    cells, _ = np.histogramdd(points, bins=4, range=[(-1, 1)] * 3)
    assert cells.sum() == 64_000
    assert np.sum((cells - 1000) ** 2) / 1000 < 110  # chi squared of 63 degrees: 4 sigma


def test_points_follow_from_the_stream_and_more_of_them_begin_alike() -> None:
    ball = sphere(2, 0.7)
    for draw in (
        lambda count, draws: near_surface(ball, 0.05, count, draws),
        lambda count, draws: near_surface(Mesh(ball.vertices, NO_FACES), 0.05, count, draws),
        uniform,
    ):
        some, more = draw(50, stream(3)), draw(70, stream(3))
        np.testing.assert_array_equal(some, more[:50])
        assert len(np.unique(more, axis=0)) == 70
        assert (draw(50, stream(4)) != some).any()
        assert draw(0, stream()).shape == (0, 3)


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^mesh: found no vertices, expected a surface to draw points on$"):
        on_surface(Mesh(np.empty((0, 3)), NO_FACES), 3, stream())
    with pytest.raises(
        SourceError, match=r"^mesh: found a surface of area 0, expected one to draw points on$"
    ):
        on_surface(Mesh(SQUARE.vertices, np.array([[0, 0, 1]])), 3, stream())
