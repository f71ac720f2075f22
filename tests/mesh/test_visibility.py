"""Inside and outside by sight, and how far it contradicts a winding number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.mesh.distance import inside
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.repair import repaired
from neuralviews.mesh.visibility import DIRECTIONS, sign_disagreement, times_seen, view_axes

from .solids import box, holes, joined, keep, patch_hole, primitives, sphere, table

CELLS = 24


def centres(cells: int) -> NDArray[np.float64]:
    line = (2 * np.arange(cells) + 1 - cells) / cells
    return np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)


def score(mesh: Mesh) -> float:
    return sign_disagreement(mesh, inside(mesh, centres(CELLS)).reshape(CELLS, CELLS, CELLS))


def blocked(mesh: Mesh, starts: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether rays hit a triangle, by the signs of volumes."""
    a, b, c = mesh.corners.swapaxes(0, 1)[:, None] - starts[None, :, None]
    u, v, w = (np.cross(one, other) @ direction for one, other in ((a, b), (b, c), (c, a)))
    crossed = ((u > 0) & (v > 0) & (w > 0)) | ((u < 0) & (v < 0) & (w < 0))
    normal = np.cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.sum(normal * a, axis=-1) / (normal @ direction)
    return (crossed & (along > 0)).any(axis=1)


def test_directions_are_those_to_the_neighbours_of_a_cell() -> None:
    assert len(set(DIRECTIONS)) == 26
    for direction in DIRECTIONS:
        right, up, toward = view_axes(direction)
        assert tuple(toward) == direction
        assert right @ toward == up @ toward == 0
        assert np.cross(right, up).any()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_sight_is_that_of_rays_from_the_centres_of_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Mesh(rng.uniform(-1, 1, (30, 3)), rng.integers(30, size=(12, 3)))
    starts = centres(6)
    expected = sum((~blocked(made, starts, np.array(d, float))).astype(int) for d in DIRECTIONS)
    found = times_seen(made, 6).ravel()
    assert (found != expected).mean() < 0.02  # corners are rounded to a fraction of a pixel
    assert np.abs(found - expected).max() <= 2


def test_cells_are_indexed_by_x_then_y_then_z() -> None:
    small = box((0.5, -0.9, 0.1), (0.9, -0.5, 0.5), 0)
    hidden = times_seen(small, CELLS) == 0
    np.testing.assert_array_equal(hidden.ravel(), inside(small, centres(CELLS)))
    assert hidden.any()


def test_sound_solids_score_nothing() -> None:
    for solid in (*primitives(), table()):
        assert score(solid.mesh) < 0.005, solid.name


@pytest.mark.parametrize("damage", [patch_hole(0.03), holes(0.1)])
def test_small_holes_score_little(damage) -> None:  # type: ignore[no-untyped-def]
    for number, solid in enumerate((*primitives(), table())):
        mesh = damage(solid, np.random.default_rng(number)).mesh
        assert score(repaired(mesh)[0]) < 0.1, solid.name


def test_what_is_open_or_has_no_inside_scores_high() -> None:
    cube = box((-0.8, -0.8, -0.8), (0.8, 0.8, 0.8))
    height = cube.corners.mean(axis=1)[:, 2]
    ball = sphere(4, 0.8)
    bowl = keep(ball, ball.corners.mean(axis=1)[:, 2] < 0)
    for mesh in (
        keep(cube, np.abs(height) > 0.79),
        keep(cube, height > 0.79),
        keep(cube, height < 0.79),
        bowl,
    ):
        assert score(repaired(mesh)[0]) > 0.3


def test_hidden_cells_that_are_said_to_be_outside_count() -> None:
    hollow = joined("two", sphere(3, 0.9), sphere(3, 0.6)).mesh
    truth = np.linalg.norm(centres(CELLS), axis=1).reshape(CELLS, CELLS, CELLS)
    assert sign_disagreement(hollow, truth < 0.89) < 0.05
    assert sign_disagreement(hollow, (truth < 0.89) & (truth > 0.6)) == pytest.approx(0.3, abs=0.05)
    assert sign_disagreement(hollow, np.zeros((CELLS,) * 3, np.bool_)) == 1


def test_nothing_to_rely_on_scores_one() -> None:
    assert (
        sign_disagreement(Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64)), np.zeros((8,) * 3, np.bool_))
        == 1
    )
