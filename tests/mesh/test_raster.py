"""Triangles drawn: coverage without gaps or doubles, the nearest surface, the same bits for any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.errors import OptionError
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.raster import rasterize

from .solids import sphere

TOWARD_Z = np.eye(3)


def centres(size: int, extent: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates right and up of the centres of pixels, (size, size) each."""
    line = ((np.arange(size) + 0.5) / size * 2 - 1) * extent
    right, down = np.meshgrid(line, line)
    return right, -down


def random_rotation(seed: int) -> NDArray[np.float64]:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return np.ascontiguousarray(q)


def fan(corners: NDArray[np.float64]) -> Mesh:
    """Triangles around the origin that cut up the polygon (n, 2), at height 0."""
    n = len(corners)
    vertices = np.zeros((n + 1, 3))
    vertices[1:, :2] = corners
    first = np.arange(n)
    return Mesh(vertices, np.stack([np.zeros(n, int), first + 1, (first + 1) % n + 1], 1).astype(np.int64))


def covered(mesh: Mesh, size: int) -> NDArray[np.int64]:
    """How many of the triangles cover each pixel, each drawn alone."""
    count = np.zeros((size, size), np.int64)
    for i in range(len(mesh.faces)):
        count += rasterize(Mesh(mesh.vertices, mesh.faces[i : i + 1]), TOWARD_Z, size, 1.0).face >= 0
    return count


def test_a_sphere_has_its_depth() -> None:
    raster = rasterize(sphere(5), random_rotation(3), 101, 1.1)
    right, up = centres(101, 1.1)
    height = np.sqrt(np.maximum(0, 1 - right**2 - up**2))
    well_inside, outside = height > 0.3, right**2 + up**2 > 1
    np.testing.assert_allclose(raster.depth[well_inside], height[well_inside], atol=2e-3)
    assert (raster.depth[outside] == -np.inf).all()
    assert (raster.face[outside] == -1).all()


def test_row_zero_is_on_top_and_columns_run_right() -> None:
    triangle = np.array([[0.5, 0.5, 0.2], [1.1, 0.5, 0.2], [0.5, 1.1, 0.2]])
    raster = rasterize(Mesh(triangle, np.array([[0, 1, 2]])), TOWARD_Z, 8, 1.0)
    rows, columns = np.nonzero(raster.face == 0)
    assert set(rows) == {0, 1}
    assert set(columns) == {6, 7}
    assert (raster.depth[rows, columns] == 0.2).all()


def test_the_axes_are_right_up_and_toward() -> None:
    triangle = np.array([[0.5, 0.3, 0.5], [1.1, 0.3, 0.5], [0.5, 0.3, 1.1]])
    axes = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # seen from +y: z to the right
    raster = rasterize(Mesh(triangle, np.array([[0, 1, 2]])), axes, 8, 1.0)
    rows, columns = np.nonzero(raster.face == 0)
    assert set(rows) == {0, 1}
    assert set(columns) == {6, 7}
    assert (raster.depth[rows, columns] == 0.3).all()


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 40), size=st.integers(1, 24), on_grid=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_polygon_cut_up_covers_each_pixel_once(seed: int, n: int, size: int, on_grid: bool) -> None:
    """Corners on pixel centres, where several triangles meet, are the hard case."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    corners = rng.uniform(0.2, 1, (n, 1)) * np.stack([np.cos(angles), np.sin(angles)], 1)
    if on_grid:
        corners = np.stack([x.ravel() for x in centres(size, 1.0)], 1)[rng.integers(size**2, size=n)]
        corners = corners[np.argsort(np.arctan2(corners[:, 1], corners[:, 0]), kind="stable")]
    gaps = np.diff(np.arctan2(corners[:, 1], corners[:, 0]), append=np.arctan2(*corners[0, ::-1]) + 2 * np.pi)
    if gaps.max() >= np.pi or gaps.min() <= 0:
        return  # not a star around the origin
    assert covered(fan(corners), size).max() <= 1


def test_a_square_covers_all_its_pixels_once_however_it_is_cut() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
        mesh = fan(corners)
        mesh.vertices[0, :2] = rng.integers(-7, 8, 2) / 8  # of 16 pixels: on their borders, or in a middle
        if rng.random() < 0.5:
            mesh.vertices[0, :2] += 1 / 16
        assert (covered(mesh, 16) == 1).all()


def test_a_closed_surface_shows_no_gaps() -> None:
    """Triangles far smaller than pixels: at no centre within the outline do lines slip through."""
    ball = sphere(6)
    for seed in range(3):
        raster = rasterize(ball, random_rotation(seed), 64, 1.0)
        right, up = centres(64, 1.0)
        inside = right**2 + up**2 < 0.99
        assert (raster.depth[inside] > 0).all()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_neither_the_order_nor_the_winding_of_triangles_moves_the_surface(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-1.5, 1.5, (30, 3))
    faces = rng.integers(30, size=(60, 3))
    plain = rasterize(Mesh(vertices, faces), random_rotation(seed), 20, 1.0)
    order = rng.permutation(60)
    mixed = rasterize(
        Mesh(vertices, np.ascontiguousarray(faces[order][:, [1, 0, 2]])), random_rotation(seed), 20, 1.0
    )
    np.testing.assert_allclose(mixed.depth, plain.depth, atol=1e-12)
    hit = plain.face >= 0
    np.testing.assert_array_equal(mixed.face >= 0, hit)


def test_of_equally_near_triangles_the_first_is_shown() -> None:
    triangle = np.array([[-1.0, -1, 0.5], [1, -1, 0.5], [0, 1, 0.5]])
    twice = rasterize(Mesh(triangle, np.array([[0, 1, 2], [0, 1, 2]])), TOWARD_Z, 16, 1.0)
    assert set(np.unique(twice.face)) == {-1, 0}


def test_triangles_seen_edge_on_and_meshes_without_any_show_nothing() -> None:
    upright = np.array([[-0.5, 0, 0.0], [0.5, 0, 0], [0, 0, 1]])
    for faces in ([[0, 1, 2]], np.empty((0, 3))):
        raster = rasterize(Mesh(upright, np.array(faces, np.int64)), TOWARD_Z, 16, 1.0)
        assert (raster.face == -1).all()
    assert (rasterize(Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64)), TOWARD_Z, 4, 1.0).face == -1).all()


def test_a_mesh_far_out_of_the_picture_is_refused() -> None:
    triangle = np.array([[-1e6, -1, 0.5], [1, -1, 0.5], [0, 1, 0.5]])
    message = r"extent: found 1 for a mesh that reaches 1e\+06 from the middle, expected 7.63 or more: draw"
    with pytest.raises(OptionError, match=message):
        rasterize(Mesh(triangle, np.array([[0, 1, 2]])), TOWARD_Z, 1, 1.0)
