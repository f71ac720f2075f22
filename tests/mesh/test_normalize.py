"""Normalisation: centre and size, any units, never a bit beyond the size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.normalize import near_one, normalized

CLOUD = np.random.default_rng(7).normal(size=(50, 3)) * [3, 1, 0.2] + [1, -5, 2]
NO_FACES = np.empty((0, 3), np.int64)


def test_the_longest_half_edge_becomes_the_size() -> None:
    vertices = normalized(Mesh(CLOUD, NO_FACES), "cube", 0.9).vertices
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    np.testing.assert_allclose(low + high, 0, atol=1e-15)
    assert high[0] == pytest.approx(0.9)
    ratio = vertices[1:] - vertices[:-1]
    np.testing.assert_allclose(ratio, np.diff(CLOUD, axis=0) * 1.8 / np.ptp(CLOUD[:, 0]), atol=1e-14)


def test_the_farthest_vertex_gets_to_the_size() -> None:
    vertices = normalized(Mesh(CLOUD, NO_FACES), "sphere", 0.5).vertices
    assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(0.5)
    np.testing.assert_allclose(vertices.min(axis=0) + vertices.max(axis=0), 0, atol=1e-15)


@given(
    points=arrays.arrays(np.float64, (8, 3), elements=st.floats(-1e3, 1e3)),
    size=st.floats(1e-4, 1),
    how=st.sampled_from(["cube", "sphere"]),
)
@settings(max_examples=100, deadline=None)
def test_no_coordinate_exceeds_the_size(points: np.ndarray, size: float, how: str) -> None:
    points[0] += 1  # not all in one point
    points[1] = points[0] - 1
    vertices = normalized(Mesh(points, NO_FACES), how, size).vertices
    assert np.abs(vertices).max() <= size
    farthest = np.linalg.norm(vertices, axis=1).max() if how == "sphere" else np.abs(vertices).max()
    assert farthest == pytest.approx(size)


@pytest.mark.parametrize("how", ["cube", "sphere"])
@pytest.mark.parametrize("unit", [1e6, 1e-9, 2.54, 1e200, 1e307, 1e-200, 1e-300])
def test_units_do_not_matter(unit: float, how: str) -> None:
    plain, other = (normalized(Mesh(CLOUD * by, NO_FACES), how, 0.9).vertices for by in (1, unit))
    np.testing.assert_allclose(other, plain, atol=1e-14)


@pytest.mark.parametrize("exponent", [-1000, -30, 30, 1000])
def test_powers_of_two_change_no_bit(exponent: int) -> None:
    plain, other = (
        normalized(Mesh(points, NO_FACES), "sphere", 0.9).vertices
        for points in (CLOUD, np.ldexp(CLOUD, exponent))
    )
    np.testing.assert_array_equal(other, plain)


@given(exponent=st.integers(-1060, 1015), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_near_one_only_scales_by_a_power_of_two(exponent: int, seed: int) -> None:
    points = np.ldexp(np.random.default_rng(seed).integers(1, 100, (4, 3)).astype(float), exponent)
    scaled = near_one(points)
    assert 0.5 <= scaled.max() <= 1
    np.testing.assert_array_equal(scaled * points.max() / scaled.max(), points)


def test_the_mesh_that_was_given_is_not_written_to() -> None:
    before = CLOUD.copy()
    normalized(Mesh(CLOUD, NO_FACES), "cube", 0.9)
    np.testing.assert_array_equal(CLOUD, before)


def test_faces_that_collapsed_do_not_count() -> None:
    corners = np.array([[5.0, 5, 5], [7, 5, 5], [5, 9, 5], [0, 0, 0], [0, 0, 0]])
    faces = np.array([[0, 1, 2], [3, 3, 3], [3, 4, 0]])
    vertices = normalized(Mesh(corners, faces), "cube", 1.0).vertices
    assert vertices[:3].tolist() == [[-0.5, -1, 0], [0.5, -1, 0], [-0.5, 1, 0]]
    collapsed = normalized(Mesh(corners, faces[1:]), "cube", 1.0).vertices
    assert np.abs(collapsed).max() == 1
