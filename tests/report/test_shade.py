"""Shaded surfaces: where they are, how light falls on them, and what does not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh
from neuralviews.report.shade import AXES, CUBE_EXTENT, extent_of, shade

from ..mesh.solids import sphere

SIZE = 60


def turned(mesh: Mesh, matrix: NDArray[np.float64]) -> Mesh:
    return Mesh(np.ascontiguousarray(mesh.vertices @ matrix.T), mesh.faces)


def pixels() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates right and up of pixel centres, in units of the extent."""
    place = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    return np.broadcast_to(place, (SIZE, SIZE)), np.broadcast_to(-place[:, None], (SIZE, SIZE))


def grey(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    shades: NDArray[np.float32] = picture.mean(axis=2)
    return shades


def test_the_viewer_sees_a_right_handed_frame_from_above() -> None:
    np.testing.assert_allclose(AXES @ AXES.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(AXES) == pytest.approx(1)
    assert AXES[0, 2] == 0  # what is level stays level
    assert AXES[1, 2] > 0
    assert AXES[2, 2] > 0


@pytest.fixture(scope="module")
def picture() -> NDArray[np.float32]:
    return shade(sphere(5, 0.8), SIZE, 1.0)


class TestSphere:
    def test_it_is_a_disc_on_white(self, picture: NDArray[np.float32]) -> None:
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.dtype == np.float32
        distance = np.hypot(*pixels())
        step = 2 / SIZE
        assert (picture[distance > 0.8 + step] == 1).all()
        assert (picture[distance < 0.8 - step] < 1).all()

    def test_it_is_brightest_towards_the_light_and_dark_at_its_contour(
        self, picture: NDArray[np.float32]
    ) -> None:
        """The light is from the upper left."""
        right, up = pixels()
        shades, distance = grey(picture), np.hypot(right, up)
        sides = [
            [
                shades[(distance > 0.3) & (distance < 0.6) & (a * right > 0) & (b * up > 0)].mean()
                for a in (-1, 1)
            ]
            for b in (-1, 1)
        ]
        (lower_left, lower_right), (upper_left, upper_right) = sides
        assert upper_left > upper_right > lower_right
        assert upper_left > lower_left > lower_right
        rim = shades[(distance > 0.8 - 2 / SIZE) & (distance < 0.8)].mean()
        assert rim < shades[(distance > 0.5) & (distance < 0.7)].mean()

    def test_turning_it_changes_nothing_that_is_seen(self, picture: NDArray[np.float32]) -> None:
        turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
        again = shade(turned(sphere(5, 0.8), turn), SIZE, 1.0)
        assert np.abs(again - picture).mean() < 2e-3

    def test_it_is_mirrored_about_the_light(self, picture: NDArray[np.float32]) -> None:
        """Light falls the same on both sides of the line towards it, which crosses the disc's middle."""
        right, up = pixels()
        angle, distance = np.arctan2(up, right), np.hypot(right, up)
        ring = (distance > 0.3) & (distance < 0.6)
        brightest = angle[ring][grey(picture)[ring].argmax()]
        nearby = lambda away: grey(picture)[ring & (np.abs(angle - brightest - away) < 0.15)].mean()  # noqa: E731
        assert nearby(0.8) == pytest.approx(nearby(-0.8), abs=0.02)

    def test_the_same_bytes_twice(self, picture: NDArray[np.float32]) -> None:
        assert shade(sphere(5, 0.8), SIZE, 1.0).tobytes() == picture.tobytes()


@given(seed=st.integers(0, 2**32 - 1))
def test_windings_and_the_order_of_triangles_do_not_matter(seed: int) -> None:
    stream, whole = np.random.default_rng(seed), sphere(2, 0.9)
    flipped = np.where(stream.random((len(whole.faces), 1)) < 0.5, whole.faces, whole.faces[:, ::-1])
    broken = Mesh(whole.vertices, np.ascontiguousarray(stream.permutation(flipped)))
    np.testing.assert_allclose(shade(broken, 24), shade(whole, 24), atol=1e-6)


def test_a_part_that_stands_before_another_is_outlined() -> None:
    """Two parallel squares have the same shade; only a contour tells them apart."""
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) @ AXES
    front = 0.4 * square + 0.5 * AXES[2]
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    shades = grey(
        shade(Mesh(np.concatenate([square, front]), np.concatenate([faces, faces + 4])), SIZE, 1.25)
    )
    middle, corner, edge = shades[30, 30], shades[10, 10], shades[30, 19:23].min()
    assert middle == pytest.approx(corner, abs=0.02)
    assert edge < 0.85 * min(middle, corner)


def test_of_nothing_the_picture_is_white() -> None:
    nothing = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    assert (shade(nothing, 8, extent_of(nothing)) == 1).all()


def test_points_of_a_cloud_are_seen_where_they_are() -> None:
    right_and_up = np.array([[-0.5, 0.3, 0.0], [0.7, 0.1, 0.5], [0.1, -0.8, -0.5]])
    cloud = Mesh(right_and_up @ AXES, np.zeros((0, 3), np.int64))
    seen = (shade(cloud, SIZE, 1.0) < 1).any(axis=2)
    right, up = pixels()
    for x, y, _ in right_and_up:
        near = np.hypot(right - x, up - y) < 3 / SIZE
        assert seen[near].any()
        seen &= ~near
    assert not seen.any()


def test_degenerate_triangles_are_not_seen_and_warn_nobody() -> None:
    flat = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2], [0, 0, 1]]))
    assert (shade(flat, 8) == 1).all()


def test_extents_hold_all_of_a_mesh() -> None:
    assert 0.7 < extent_of(sphere(3, 0.7)) < 0.75
    corners = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1, 1) for z in (-1, 1)])
    cube = Mesh(corners, np.zeros((0, 3), np.int64))
    assert extent_of(cube) == CUBE_EXTENT
    assert np.abs(corners @ AXES[:2].T).max() == pytest.approx(CUBE_EXTENT)
