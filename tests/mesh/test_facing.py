"""The sides of triangles that are seen from outside; at outlines, a pixel may sample what is beside."""

import numpy as np
import pytest

from neuralviews.mesh.facing import seen_sides
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.repair import repaired

from .solids import box, keep, sphere, table, turn


def test_only_the_outside_of_a_closed_surface_is_seen() -> None:
    ball = Mesh(sphere(3).vertices + np.array([5.0, 0, 2]), sphere(3).faces)
    front, back = seen_sides(ball)
    assert (front > 0).all()
    assert back.sum() < 0.01 * front.sum()
    turned = seen_sides(turn(ball, np.ones(len(ball.faces), np.bool_)))
    np.testing.assert_allclose(turned[1], front, rtol=1e-9)


def test_both_sides_of_a_sheet_are_seen_alike() -> None:
    sheet = box((-1, -1, -1), (1, 1, 1), 2)
    sheet = keep(sheet, sheet.corners[..., 2].min(axis=1) > 0.99)
    front, back = (side.sum() for side in seen_sides(sheet))
    assert front == pytest.approx(back, rel=1e-9)
    assert front > 0


def test_what_is_hidden_counts_for_nothing() -> None:
    outer, inner = sphere(3), sphere(2, 0.5)
    nested = Mesh(
        np.concatenate([outer.vertices, inner.vertices]),
        np.concatenate([outer.faces, inner.faces + len(outer.vertices)]),
    )
    front, back = seen_sides(nested)
    assert (front[len(outer.faces) :] == 0).all()
    assert back.sum() < 0.01 * front.sum()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_triangles_that_lie_on_each_other_are_all_seen(scale: float) -> None:
    solid = table().mesh
    both = np.concatenate([solid.faces, solid.faces[:, ::-1]])
    front, back = seen_sides(Mesh(solid.vertices * scale, both))
    half = len(solid.faces)
    np.testing.assert_array_equal(front[:half], back[half:])
    assert front[half:].sum() < 0.01 * front[:half].sum()
    assert (front[:half] > 0).mean() > 0.75


def test_repair_turns_the_sides_of_an_open_box_outwards_though_none_hang_together() -> None:
    """A box without its top, as five sheets that share no corner, some of them inside out."""
    closed = box((-0.7, -0.7, -0.7), (0.7, 0.7, 0.7), 2)
    normal = np.cross(*np.diff(closed.corners, axis=1).swapaxes(0, 1))
    side = np.abs(normal).argmax(axis=1) * 2 + (normal.sum(axis=1) > 0)
    vertices, faces = [], []
    for number in range(5):
        one = closed.corners[side == number].reshape(-1, 3)
        triangles = np.arange(len(one)).reshape(-1, 3) + sum(map(len, vertices))
        vertices.append(one + 1e-3 * number)
        faces.append(triangles[:, ::-1] if number % 2 else triangles)
    mended, repairs = repaired(Mesh(np.concatenate(vertices), np.concatenate(faces)))
    outwards = np.cross(*np.diff(mended.corners, axis=1).swapaxes(0, 1)) * mended.corners.mean(axis=1)
    assert (outwards.sum(axis=1) > 0).all()
    assert repairs.flipped_faces == 2 * np.count_nonzero(side == 0)


def test_a_collapsed_face_far_away_decides_no_winding() -> None:
    ball = sphere(3)
    bowl = keep(ball, ball.corners[..., 2].max(axis=1) < 0.2)
    inside_out = turn(bowl, np.ones(len(bowl.faces), np.bool_))
    far = np.full((1, 3), 1000.0)
    count = len(inside_out.vertices)
    mesh = Mesh(np.concatenate([inside_out.vertices, far]), np.concatenate([inside_out.faces, [[count] * 3]]))
    alone, counts = repaired(inside_out)
    beside, repairs = repaired(mesh)
    assert counts.flipped_faces == len(bowl.faces)
    assert repairs == counts._replace(degenerate_faces=1)
    np.testing.assert_array_equal(beside.corners, alone.corners)
