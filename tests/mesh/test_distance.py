"""Distances against formulas and brute force, insides of damaged meshes, and the errors."""

import os
import subprocess
import sys

import igl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.errors import SourceError
from neuralviews.mesh import distance
from neuralviews.mesh.distance import inside, signed_distance, unsigned_distance
from neuralviews.mesh.mesh import Mesh

from .solids import box, sphere, turn

NO_FACES = np.empty((0, 3), np.int64)


def somewhere(seed: int, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3)).astype(np.float32)


def from_box(points: NDArray[np.float32], half: NDArray[np.float64]) -> NDArray[np.float64]:
    """The signed distance from a box around the origin."""
    beyond = np.abs(points.astype(np.float64)) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_box_has_the_distance_of_its_formula(seed: int) -> None:
    half = np.random.default_rng(seed).uniform(0.1, 0.9, 3)
    made, points = box(tuple(-half), tuple(half), 1), somewhere(seed, 200)
    found = signed_distance(made, points)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, from_box(points, half), atol=1e-12)
    np.testing.assert_array_equal(np.abs(found), unsigned_distance(made, points))
    np.testing.assert_array_equal(found < 0, inside(made, points))


def test_the_winding_of_a_body_does_not_matter() -> None:
    ball, points = sphere(3, 0.7), somewhere(1, 500)
    inwards = turn(ball, np.ones(len(ball.faces), np.bool_))
    np.testing.assert_allclose(signed_distance(inwards, points), signed_distance(ball, points), atol=1e-15)
    radius = np.linalg.norm(points, axis=1)
    assert inside(inwards, points)[radius < 0.69].all()
    assert not inside(inwards, points)[radius > 0.7].any()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_insides_are_those_of_exact_winding_numbers(seed: int) -> None:
    """Of any triangles, but where the number is so near to 1/2 that the approximation decides."""
    rng = np.random.default_rng(seed)
    made = Mesh(rng.uniform(-0.9, 0.9, (40, 3)), rng.integers(40, size=(60, 3)))
    points = somewhere(seed, 300)
    exact = np.abs(igl.winding_number(made.vertices, made.faces, points.astype(np.float64)))
    sure = np.abs(exact - 0.5) > 0.05
    np.testing.assert_array_equal(inside(made, points)[sure], exact[sure] > 0.5)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_a_cloud_has_the_distance_of_its_nearest_point(seed: int, count: int) -> None:
    cloud = Mesh(np.random.default_rng(seed).uniform(-1, 1, (count, 3)), NO_FACES)
    points = somewhere(seed, 50)
    apart = np.linalg.norm(points[:, None].astype(np.float64) - cloud.vertices, axis=2)
    np.testing.assert_allclose(unsigned_distance(cloud, points), apart.min(axis=1), rtol=1e-12)


def test_a_point_has_its_distance_whatever_points_stand_beside_it() -> None:
    ball, points = sphere(3, 0.7), somewhere(2, 400)
    order = np.random.default_rng(0).permutation(400)
    whole = signed_distance(ball, points)
    np.testing.assert_array_equal(signed_distance(ball, points[order]), whole[order])
    np.testing.assert_array_equal(signed_distance(ball, points[:7]), whole[:7])
    assert signed_distance(ball, points[:0]).shape == (0,)


def test_threads_do_not_matter() -> None:
    program = (
        "import sys, numpy as np\n"
        "from tests.mesh.test_distance import signed_distance, somewhere, sphere\n"
        "sys.stdout.buffer.write(signed_distance(sphere(4, 0.7), somewhere(0, 4000)).tobytes())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "IGL_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "3")
    }
    assert found == {signed_distance(sphere(4, 0.7), somewhere(0, 4000)).tobytes()}


@given(seed=st.integers(0, 2**32 - 1), longest=st.floats(0.1, 3))
@settings(max_examples=30, deadline=None)
def test_triangles_are_cut_into_short_ones_of_the_same_area(seed: int, longest: float) -> None:
    corners = np.random.default_rng(seed).normal(size=(10, 3, 3))
    pieces = distance._cut(corners, longest)
    edges = pieces[:, [1, 2, 0]] - pieces
    assert np.linalg.norm(edges, axis=2).max() <= longest * (1 + 1e-12)

    def area(c: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]).sum(axis=0)

    np.testing.assert_allclose(area(pieces), area(corners), atol=1e-9)


def test_triangles_are_not_cut_into_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "_MOST_PIECES", 100)
    corners = np.random.default_rng(0).normal(size=(10, 3, 3))
    pieces = distance._cut(corners, 1e-3)
    assert 10 < len(pieces) <= 100
    assert len(distance._cut(np.repeat(corners, 20, axis=0), 1e-3)) == 200
    np.testing.assert_array_equal(distance._cut(corners, 0.0)[:, 0].shape, (len(pieces), 3))


def test_triangles_without_area_are_harmless() -> None:
    ball, points = sphere(2, 0.7), somewhere(3, 300)
    more = Mesh(
        ball.vertices, np.concatenate([ball.faces, ball.faces[:9, [0, 1, 0]], ball.faces[:9, [2, 2, 2]]])
    )
    np.testing.assert_allclose(signed_distance(more, points), signed_distance(ball, points), atol=1e-12)


def test_a_cloud_has_no_inside() -> None:
    cloud = Mesh(np.zeros((5, 3)), NO_FACES)
    for ask in (inside, signed_distance):
        with pytest.raises(
            SourceError, match=r"^mesh: found 5 points and no triangles, .*shape.target = 'udf'$"
        ):
            ask(cloud, somewhere(0, 3))


def test_a_distance_that_is_no_number_is_refused() -> None:
    cloud = Mesh(np.full((1, 3), 1e200), NO_FACES)
    with pytest.raises(
        SourceError, match=r"^mesh: found 3 of 3 distances that are not finite numbers: leave it"
    ):
        unsigned_distance(cloud, somewhere(0, 3))


def test_what_the_library_raises_is_one_line() -> None:
    cloud = Mesh(np.full((1, 3), np.nan), NO_FACES)
    with pytest.raises(SourceError, match=r"^mesh: distances cannot be worked out: [^\n]+$"):
        unsigned_distance(cloud, somewhere(0, 3))
