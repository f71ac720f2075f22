"""Repair: what is joined, left out and turned, counted; the same whatever the units and the run."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.normalize import normalized
from neuralviews.mesh.repair import Repairs, repaired

from .solids import sphere

NOTHING = Repairs(0, 0, 0, 0, 0)
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
QUADS = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]  # outwards
BOX = np.array([[q[0], *q[i : i + 2]] for q in QUADS for i in (1, 2)], np.int64)


def box(faces: NDArray[np.int64] = BOX) -> Mesh:
    return Mesh(CORNERS, np.ascontiguousarray(faces))


def soup(mesh: Mesh) -> Mesh:
    """Every face with corners of its own."""
    return Mesh(mesh.corners.reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3))


def together(*meshes: Mesh) -> Mesh:
    ends = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + start for mesh, start in zip(meshes, ends, strict=False)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def moved(mesh: Mesh, scale: float, *shift: float) -> Mesh:
    return Mesh(mesh.vertices * scale + shift, mesh.faces)


def turned(mesh: Mesh, which: NDArray[np.bool_]) -> Mesh:
    return Mesh(mesh.vertices, np.where(which[:, None], mesh.faces[:, ::-1], mesh.faces))


def volume(mesh: Mesh) -> float:
    a, b, c = mesh.corners.swapaxes(0, 1)
    return float(np.sum(a * np.cross(b, c)) / 6)


def test_a_sound_mesh_stays_as_it_is() -> None:
    mesh, repairs = repaired(sphere())
    assert repairs == NOTHING
    np.testing.assert_array_equal(mesh.vertices, sphere().vertices)
    np.testing.assert_array_equal(mesh.faces, sphere().faces)
    assert (mesh.vertices.dtype, mesh.faces.dtype) == (np.float64, np.int64)
    assert mesh.vertices.flags.c_contiguous
    assert mesh.faces.flags.c_contiguous


def test_every_step_is_counted() -> None:
    vertices = np.concatenate([CORNERS, CORNERS[:2], [[9.0, 9, 9]]])  # 8 and 9 are where 0 and 1 are
    faces = np.concatenate([BOX[1:], [[8, 1, 3], [5, 5, 7], [0, 8, 4], [3, 9, 0], [7, 4, 6]]])
    faces[3] = faces[3][::-1]
    mesh, repairs = repaired(Mesh(vertices, faces))
    assert repairs == Repairs(2, degenerate_faces=2, duplicate_faces=2, flipped_faces=1, boundary_edges=0)
    np.testing.assert_array_equal(mesh.vertices, CORNERS)
    assert volume(mesh) == pytest.approx(1)


def test_negative_zero_is_zero() -> None:
    made = soup(box())
    made.vertices[made.vertices == 0] *= np.resize([1.0, -1.0], np.count_nonzero(made.vertices == 0))
    mesh, repairs = repaired(made)
    assert repairs == NOTHING._replace(merged_vertices=28)
    assert not np.signbit(mesh.vertices).any()


def test_places_that_differ_at_all_are_not_merged() -> None:
    made = soup(box())
    made.vertices[0, 0] = np.nextafter(0, 1)
    assert repaired(made)[1].merged_vertices == 27
    assert repaired(made)[1].boundary_edges == 4


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1), separate=st.booleans())
@settings(max_examples=40, deadline=None)
def test_closed_bodies_are_turned_outwards(seed: int, share: float, separate: bool) -> None:
    """Whatever part of the faces was turned, and though the bodies of one mesh disagree."""
    rng = np.random.default_rng(seed)
    ball = sphere(1)
    clean = together(box(), moved(ball, 0.3, 5, 0, 0), moved(ball, 1e-4, 0, 7, 0))
    which = rng.random(len(clean.faces)) < share
    made = turned(clean, which)
    mesh, repairs = repaired(soup(made) if separate else made)
    expected = clean.corners
    same = (mesh.corners == expected).all(axis=(1, 2))
    assert (np.sort(mesh.corners, axis=1) == np.sort(expected, axis=1)).all()
    normals = np.cross(*np.diff(mesh.corners, axis=1).swapaxes(0, 1))
    np.testing.assert_allclose(normals, np.cross(*np.diff(expected, axis=1).swapaxes(0, 1)), atol=1e-12)
    assert repairs.flipped_faces == np.count_nonzero(which)
    assert repairs.boundary_edges == 0
    assert same[~which].all()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_an_open_body_is_turned_to_the_side_that_is_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ball = sphere(2)
    middles = ball.corners.mean(axis=1)
    bowl = Mesh(ball.vertices, ball.faces[middles[:, 2] < 0.3])
    which = rng.random(len(bowl.faces)) < rng.choice([0.3, 0.7])
    mesh, repairs = repaired(turned(bowl, which))
    outwards = np.sum(np.cross(*np.diff(mesh.corners, axis=1).swapaxes(0, 1)) * mesh.corners[:, 0], axis=1)
    assert (outwards > 0).all()
    assert repairs.flipped_faces == np.count_nonzero(which)
    ends = np.sort(bowl.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert repairs.boundary_edges == np.count_nonzero(np.unique(ends, axis=0, return_counts=True)[1] == 1)


@pytest.mark.parametrize("far", [1e1, 1e3, 1e6, 1e200])
def test_faces_that_are_left_out_have_no_say(far: float) -> None:
    """A face that collapsed to a point far away does not shrink the picture of an open body to nothing."""
    whole = sphere(2)
    bowl = whole.faces[whole.corners.mean(axis=1)[:, 2] < 0.5, ::-1]
    last = len(whole.vertices)
    stray = Mesh(np.vstack([whole.vertices, np.full(3, far)]), np.vstack([bowl, np.full(3, last)]))
    mesh, repairs = repaired(stray)
    expected, alone = repaired(Mesh(whole.vertices, bowl))
    assert alone.flipped_faces == len(bowl)
    assert repairs == alone._replace(degenerate_faces=1)
    np.testing.assert_array_equal(mesh.corners, expected.corners)


def test_of_a_tie_the_first_face_keeps_its_winding() -> None:
    pair = Mesh(CORNERS[[0, 4, 2, 6]], np.array([[0, 1, 2], [1, 2, 3]]))
    mesh, repairs = repaired(pair)
    assert mesh.faces.tolist() == [[0, 1, 2], [3, 2, 1]]
    assert repairs == Repairs(0, 0, 0, 1, 4)


def test_the_wall_of_a_cavity_is_turned_outwards_too() -> None:
    hollow = together(moved(box(), 3, -1, -1, -1), box(BOX[:, ::-1]))
    mesh, repairs = repaired(hollow)
    assert repairs.flipped_faces == 12
    assert volume(mesh) == pytest.approx(28)


def test_bodies_that_share_an_edge_or_a_corner_are_turned_each_for_itself() -> None:
    """An edge of four faces joins none of them."""
    beside = moved(box(), 1, 1, 1, 0)  # shares the edge x = y = 1
    made = soup(together(box(), Mesh(beside.vertices, beside.faces[:, ::-1]), moved(box(), 1, -1, -1, -1)))
    mesh, repairs = repaired(made)
    assert repairs.flipped_faces == 12
    assert repairs.merged_vertices == 36 * 3 - (24 - 3)
    assert volume(mesh) == pytest.approx(3)


def test_a_moebius_strip_is_left_with_one_seam() -> None:
    """No winding suits all of its faces: it does not matter where they break, but it is the same always."""
    n = 12
    rail = np.stack([np.arange(n), np.arange(n) + n], axis=1)
    following = np.concatenate([rail[1:], rail[:1, ::-1]])
    faces = np.concatenate(
        [np.column_stack([rail, following[:, 0]]), np.column_stack([rail[:, 1], following[:, ::-1]])]
    )
    angle = np.arange(n) * 2 * np.pi / n
    width = np.stack(
        [np.cos(angle / 2) * np.cos(angle), np.cos(angle / 2) * np.sin(angle), np.sin(angle / 2)]
    )
    middle = 3 * np.stack([np.cos(angle), np.sin(angle), 0 * angle])
    strip = Mesh(np.concatenate([(middle - width).T, (middle + width).T]), faces)
    mesh, repairs = repaired(strip)
    ends = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, often = np.unique(ends, axis=0, return_counts=True)
    assert sorted(often)[-2:] == [1, 2]
    assert repairs.boundary_edges == 2 * n
    np.testing.assert_array_equal(repaired(strip)[0].faces, mesh.faces)


def test_what_encloses_nothing_keeps_its_winding() -> None:
    """A pillow without thickness is closed, and its volume is a sum of rounding errors."""
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.normal(size=(22, 2)), np.full(22, 0.3)])
    flat[1] = flat[0]
    vertices = flat @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    vertices[1] += 1e-13
    around = np.arange(20) + 2
    front = np.column_stack([np.zeros(20, int), around, np.roll(around, 1)])
    back = front[:, ::-1].copy()
    back[back == 0] = 1
    pillow = Mesh(vertices, np.concatenate([front, back]))
    for made in (pillow, turned(pillow, np.ones(40, np.bool_))):
        assert repaired(made)[1] == NOTHING
        np.testing.assert_array_equal(repaired(made)[0].faces, made.faces)


def test_faces_without_area_hold_their_neighbours_together() -> None:
    """A corner on an edge of a neighbour, and a face without area that fills the gap."""
    vertices = np.concatenate([CORNERS, [[0.5, 0, 0]]])  # on the edge from 0 to 4
    split = BOX.tolist()
    split.remove([0, 4, 5])
    made = Mesh(vertices, np.array([*split, [0, 8, 5], [8, 4, 5], [0, 4, 8]]))
    mesh, repairs = repaired(turned(made, np.arange(14) % 3 == 0))
    assert repairs.degenerate_faces == repairs.boundary_edges == 0
    assert volume(mesh) == pytest.approx(1)


@pytest.mark.parametrize("unit", [1e6, 1e-6, 1e-9, 1e150, 1e300, 1e-300])
def test_units_do_not_matter(unit: float) -> None:
    rng = np.random.default_rng(3)
    plain = together(sphere(2), moved(sphere(1), 0.2, 2, 0, 0))
    plain = soup(turned(plain, rng.random(len(plain.faces)) < 0.4))
    made = Mesh(plain.vertices * unit, plain.faces)
    (mesh, repairs), (expected, as_expected) = repaired(made), repaired(plain)
    assert repairs == as_expected
    np.testing.assert_array_equal(mesh.faces, expected.faces)
    first, last = normalized(mesh, "cube", 0.9), repaired(normalized(made, "cube", 0.9))[0]
    np.testing.assert_array_equal(first.vertices, last.vertices)
    np.testing.assert_array_equal(first.faces, last.faces)


def test_of_a_cloud_of_points_equal_ones_are_merged() -> None:
    points = np.array([[1.0, 2, 3], [0, 0, 0], [1, 2, 3], [-0.0, 0, 0], [5, 5, 5]])
    mesh, repairs = repaired(Mesh(points, np.empty((0, 3), np.int64)))
    assert repairs == NOTHING._replace(merged_vertices=2)
    assert mesh.vertices.tolist() == [[1, 2, 3], [0, 0, 0], [5, 5, 5]]
    assert mesh.faces.shape == (0, 3)


@given(seed=st.integers(0, 2**32 - 1), vertices=st.integers(1, 12), faces=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_anything_is_repaired_once(seed: int, vertices: int, faces: int) -> None:
    """What was repaired needs no more repair, and shows the same triangles."""
    rng = np.random.default_rng(seed)
    made = Mesh(rng.integers(0, 3, (vertices, 3)).astype(float), rng.integers(vertices, size=(faces, 3)))
    mesh, repairs = repaired(made)
    again, more = repaired(mesh)
    assert more == NOTHING._replace(flipped_faces=more.flipped_faces, boundary_edges=repairs.boundary_edges)
    np.testing.assert_array_equal(again.vertices, mesh.vertices)

    def shown(mesh: Mesh) -> set[frozenset[tuple[float, ...]]]:
        corners = [frozenset(map(tuple, np.abs(triangle).tolist())) for triangle in mesh.corners]
        return {corner for corner in corners if len(corner) == 3}

    assert shown(mesh) == shown(made)
    assert len(shown(mesh)) == len(mesh.faces)


def test_hash_seeds_do_not_matter() -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from neuralviews.mesh.mesh import Mesh\n"
        "from neuralviews.mesh.repair import repaired\n"
        "rng = np.random.default_rng(1)\n"
        "made = Mesh(rng.integers(0, 4, (200, 3)) * 0.1, rng.integers(200, size=(500, 3)))\n"
        "mesh, repairs = repaired(made)\n"
        "print(hashlib.sha256(mesh.vertices.tobytes() + mesh.faces.tobytes()).hexdigest(), repairs)\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
