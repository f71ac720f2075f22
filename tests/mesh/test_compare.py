"""How alike shapes are: known distances, known overlaps, and what nothing is compared with."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuralviews.draws import Draws
from neuralviews.errors import OptionError
from neuralviews.mesh.compare import chamfer, iou
from neuralviews.mesh.mesh import Mesh

from .solids import sphere

EMPTY = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
POINTS = 5000


def draws(seed: int = 5) -> Draws:
    return Draws(np.array([seed], np.uint64))


def cube(shift: float) -> Mesh:
    """The corners of a cube of edge 2 as a cloud of points, moved along x."""
    corners = np.stack(np.meshgrid(*3 * [[-1.0, 1.0]], indexing="ij"), axis=-1).reshape(-1, 3)
    return Mesh(corners + np.array([shift, 0, 0]), np.zeros((0, 3), np.int64))


def test_spheres_of_one_centre_are_as_far_apart_as_their_radii() -> None:
    found = chamfer(sphere(4, 0.5), sphere(4, 0.8), POINTS, draws())
    assert found == pytest.approx(0.3, abs=2e-3)


def test_equal_surfaces_are_not_apart() -> None:
    """Whatever triangles they are made of."""
    ball, corners = sphere(3, 0.5), sphere(3, 0.5).corners
    middles = corners.mean(axis=1)
    parts = [np.stack((corners[:, i], corners[:, (i + 1) % 3], middles), axis=1) for i in range(3)]
    cut = np.concatenate(parts).reshape(-1, 3)
    assert chamfer(ball, Mesh(cut, np.arange(len(cut)).reshape(-1, 3)), 1000, draws()) < 1e-9


def test_few_points_are_enough() -> None:
    a, b = sphere(4, 0.5), sphere(4, 0.51)
    assert chamfer(a, b, 100, draws()) == pytest.approx(chamfer(a, b, POINTS, draws(6)), rel=0.02)


def test_clouds_of_points() -> None:
    """Every corner is 0.25 from its own image, and farther from all others."""
    assert chamfer(cube(0), cube(0.25), 2000, draws()) == pytest.approx(0.25, abs=1e-6)


def test_both_sides_count() -> None:
    """A surface is compared with one of which it is a part: only one of the two means is not small."""
    part, far = sphere(3, 0.3), sphere(3, 0.3)
    both = Mesh(
        np.concatenate([part.vertices, far.vertices + np.array([5, 0, 0])]),
        np.concatenate([part.faces, far.faces + len(part.vertices)]),
    )
    one, other = (chamfer(*pair, POINTS, draws()) for pair in ((part, both), (both, part)))
    assert one == pytest.approx(other, rel=0.02)
    to_sphere = 5 - 0.3 + 0.3**2 / (3 * 5)  # mean distance of the far sphere from a sphere of equal radius
    assert one == pytest.approx(to_sphere / 4, rel=0.02)


def test_it_follows_from_the_draws_alone() -> None:
    a, b = sphere(3, 0.5), sphere(3, 0.6)
    assert chamfer(a, b, 500, draws()) == chamfer(a, b, 500, draws())
    assert chamfer(a, b, 500, draws()) != chamfer(a, b, 500, draws(6))


def test_nothing_is_infinitely_far_from_something() -> None:
    assert chamfer(EMPTY, EMPTY, 10, draws()) == 0
    assert chamfer(EMPTY, sphere(), 10, draws()) == chamfer(sphere(), EMPTY, 10, draws()) == math.inf


def test_one_stream() -> None:
    with pytest.raises(OptionError, match="draws: found 2 streams, expected 1"):
        chamfer(sphere(), sphere(), 10, Draws(np.arange(2, dtype=np.uint64)))


insides = arrays(np.bool_, (3, 3, 3))


@given(insides, insides, st.permutations(range(3)))
def test_overlaps(a: np.ndarray, b: np.ndarray, order: list[int]) -> None:
    first, second = ({*np.flatnonzero(cells).tolist()} for cells in (a, b))
    expected = len(first & second) / len(first | second) if first | second else 1.0
    assert iou(a, b) == iou(b, a) == iou(a.transpose(order), b.transpose(order)) == expected
    assert iou(a, a) == 1


def test_overlaps_of_different_grids() -> None:
    with pytest.raises(OptionError) as error:
        iou(np.zeros((2, 2), np.bool_), np.zeros(4, np.bool_))
    assert str(error.value) == "iou: found shapes (2, 2) and (4,), expected the same"
