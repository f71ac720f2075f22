"""Mesh files: every format gives the same solid, in any unit, with any comments and stray vertices."""

import logging
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.repair import repaired

from .mesh_files import FILES, OFF, TETRAHEDRON, refused, same_triangles

PYRAMID = (
    b"OFF\n5 5 0\n-1 -1 0\n1 -1 0\n1 1 0\n-1 1 0\n0 0 1\n4 3 2 1 0\n3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n"
)
PENTAGON = b"OFF\n5 1 0\n0 0 0\n2 0 0\n3 1 0\n1 3 0\n-1 1 0\n5 0 1 2 3 4\n"


@pytest.mark.parametrize("kind", FILES)
def test_every_format_gives_the_same_solid(kind: str) -> None:
    suffix = f".{kind.split('-')[0]}"
    for name in (suffix, suffix.upper()):
        mesh = parse_mesh(FILES[kind], name, "x")
        assert same_triangles(mesh, TETRAHEDRON)
        assert (mesh.vertices.dtype, mesh.faces.dtype) == (np.float64, np.int64)
        assert mesh.vertices.flags.c_contiguous
        assert mesh.faces.flags.c_contiguous
    again = parse_mesh(FILES[kind], suffix, "x")
    np.testing.assert_array_equal(again.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.faces, mesh.faces)


@pytest.mark.parametrize(
    "data",
    [
        OFF.replace(b"OFF\n", b"OFF"),
        OFF.replace(b"\n", b"\r\n"),
        OFF.replace(b"OFF\n", b"\n\n  # made by hand\nOFF # a mesh\n\n"),
        OFF.replace(b"OFF\n", b"off "),
        OFF.replace(b"4 4 6", b"4 4"),
        b"\xef\xbb\xbf" + OFF,
        OFF.replace(b"0 0 1.5", b"   0\t0  1.5e0  255 0 0"),
        OFF.replace(b"3 0 2 1", b"3 0 2 1  3 255 0 0"),
        OFF.replace(b"OFF", b"COFF"),
        OFF.rstrip(),
        OFF + b"\xff\xfe\nmore\n",
    ],
)
def test_off_files_as_they_are_found(data: bytes) -> None:
    assert same_triangles(parse_mesh(data, ".off", "x"), TETRAHEDRON)


def test_polygons_become_triangles() -> None:
    assert len(parse_mesh(PENTAGON, ".off", "x").faces) == 3
    quads = b"v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 1 1 1\nf 4 3 2 1\nf 1 2 5\nf 2 3 5\nf 3 4 5\nf 4 1 5\n"
    for mesh in (parse_mesh(PYRAMID, ".off", "x"), parse_mesh(quads, ".obj", "x")):
        fixed, repairs = repaired(mesh)
        assert (len(fixed.faces), repairs.boundary_edges, repairs.flipped_faces) == (6, 0, 0)


@pytest.mark.parametrize("unit", ["e300", "e6", "e-9", "e-300"])
def test_units_do_not_matter(unit: str) -> None:
    data = b"OFF\n4 4 0\n0 0 0\n1U 0 0\n0 1U 0\n0 0 1U\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"
    assert parse_mesh(data.replace(b"U", unit.encode()), ".off", "x").vertices.max() == float(f"1{unit}")


@pytest.mark.parametrize("far", [b"9", b"1e200", b"-1e300"])
def test_a_face_that_collapsed_far_away_does_not_flatten_the_others(far: bytes) -> None:
    stray = b"\n" + b" ".join([far] * 3) + b"\n3 4 4 4\n3 0 2 1"
    data = OFF.replace(b"4 4 6", b"5 5 6").replace(b"\n3 0 2 1", stray)
    assert len(parse_mesh(data, ".off", "x").faces) == 5
    refused(b"OFF\n1 1 0\n1 2 3\n3 0 0 0\n", ".off", "found 1 faces without area")


def test_vertices_of_no_face_are_dropped() -> None:
    data = OFF.replace(b"4 4 6\n", b"5 4 6\n9 9 9\n")
    for old, new in ((b"3 0 2 1", b"3 1 3 2"), (b"3 0 1 3", b"3 1 2 4"), (b"3 1 2 3\n3 0", b"3 2 3 4\n3 1")):
        data = data.replace(old, new, 1)
    mesh = parse_mesh(data.replace(b"3 1 3 2\n", b"3 1 3 2\n", 1), ".off", "x")
    assert mesh.vertices.tolist() == TETRAHEDRON.vertices.tolist()


def test_trimesh_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What it logs of damage to normals, which nobody asked for, would reach the terminal."""
    logger = logging.getLogger("trimesh")
    before = logger.level
    for kind, data in FILES.items():
        parse_mesh(data, f".{kind.split('-')[0]}", "x")
    damaged = FILES["stl-text"].replace(b"normal", b"normal x", 1)
    assert same_triangles(parse_mesh(damaged, ".stl", "x"), TETRAHEDRON)
    refused(
        FILES["ply"].replace(b"element face 4", b"element face 3"),
        ".ply",
        "found 13 bytes more than its header",
    )
    assert caplog.records == []
    assert logger.level == before


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-16-be"])
def test_names_and_comments_may_be_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever packages that guess encodings are there; and no byte of a letter is taken for a line's end."""
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    monkeypatch.setitem(sys.modules, "chardet", None)
    name = "M\u00fcller \u00c5 5 5 5".encode(encoding).replace(b"\0", b"")
    damaged = {
        ".off": OFF.replace(b"4 4 6\n", b"4 4 6 # " + name + b"\n").replace(
            b"\n1 0 0", b"#" + name + b"\n1 0 0"
        ),
        ".obj": b"o " + name + b"\n" + FILES["obj"].replace(b"\nf ", b"\nusemtl " + name + b"\nf "),
        ".stl": FILES["stl-text"].replace(b"solid ", b"solid " + name + b" "),
        ".ply": FILES["ply"].replace(b"comment ", b"comment " + name),
    }
    for suffix, data in damaged.items():
        assert name in data
        assert same_triangles(parse_mesh(data, suffix, "x"), TETRAHEDRON)
    text = FILES["ply-text"].replace(b"comment ", b"comment " + name)
    assert same_triangles(parse_mesh(text, ".ply", "x"), TETRAHEDRON)


def test_real_meshes() -> None:
    folder = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not folder:
        pytest.skip("NEURALVIEWS_TEST_DATA is not set: no meshes here")
    with zipfile.ZipFile(Path(folder) / "modelnet_original.zip") as archive:
        glued = 0
        for name in archive.namelist():
            data = archive.read(name)
            mesh = parse_mesh(data, ".off", name)
            announced = data.split(None, 4)
            glued += announced[0] != b"OFF"
            counts = [announced[0][3:], *announced[1:]] if announced[0] != b"OFF" else announced[1:]
            assert len(mesh.vertices) <= int(counts[0])
            assert len(mesh.faces) == int(counts[1])
        assert glued == 3
