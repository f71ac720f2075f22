"""Files that are empty, cut off, damaged, too large or no meshes: one line that says so, in little memory."""

import struct
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.mesh.formats import FORMATS
from neuralviews.mesh.load import parse_mesh

from .mesh_files import FILES, OFF, TETRAHEDRON, refused, same_triangles, scene


@pytest.mark.parametrize("suffix", FORMATS)
def test_empty_files(suffix: str) -> None:
    refused(b"", suffix, r"^shapes/a: found an empty file, expected a mesh: replace or remove it$")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><html><body>404 vertex facet OFF solid ply v f</body></html>",
        b"Dear reader,\nthis is no mesh.\n",
        bytes(range(256)) * 20,
        b"\0" * 500,
        b"\n\n",
        "☃ \udcff".encode("utf-8", "surrogatepass"),
        b"{" * 100_000,
    ],
    ids=["html", "text", "binary", "zeros", "blank", "unicode", "braces"],
)
def test_files_that_are_no_meshes(suffix: str, data: bytes) -> None:
    refused(
        data, suffix, r"^shapes/a: (cannot be read as [A-Z]{3} \(.+\); replace|found no vertices, expected)"
    )


@pytest.mark.parametrize("kind", FILES)
def test_files_that_were_cut_off(kind: str) -> None:
    """Wherever, down to the last line; what is missing of a text's last number shows nowhere."""
    data, suffix = FILES[kind], f".{kind.split('-')[0]}"
    if kind == "obj":
        return  # it announces no counts
    last = len(data.rstrip().rsplit(b"\n", 1)[0]) if kind in ("off", "ply-text", "stl-text") else len(data)
    for end in range(1, last, max(1, last // 60)):
        refused(data[:end], suffix, r"cannot be read as|found no vertices")


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"OFF\n1000000000000 1000000000000 0\n0 0 0\n", ".off"),
        (b"OFF\n0 1000000000000 0\n", ".off"),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1000000000000\nproperty float x\nend_header\n0\n",
            ".ply",
        ),
        (
            b"ply\nformat binary_little_endian 1.0\nelement vertex 1000000000000\nproperty float x\n"
            b"element face 4000000000\nproperty list uint int vertex_indices\nend_header\n\xff\xff\xff\xff",
            ".ply",
        ),
        (bytes(80) + struct.pack("<I", 2**32 - 1) + bytes(50), ".stl"),
    ],
)
def test_announced_sizes_take_no_memory(data: bytes, suffix: str) -> None:
    parse_mesh(FILES[suffix[1:]], suffix, "x")  # its modules are loaded
    tracemalloc.start()
    try:
        refused(data, suffix, r"cannot be read as|found no vertices")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("number", ["nan", "inf", "-1e999"])
@pytest.mark.parametrize("kind", ["off", "obj", "ply-text"])
def test_coordinates_that_are_not_finite(kind: str, number: str) -> None:
    data = FILES[kind].replace(b"1.5" if b" 1.5\n" in FILES[kind] else b"1.50000000", number.encode())
    assert data != FILES[kind]
    message = (
        "found 1 of 4 vertices with coordinates that are not finite, first vertex 3, expected numbers: exp"
    )
    refused(data, f".{kind.split('-')[0]}", message)


@pytest.mark.parametrize("vertex", [b"4", b"-1", b"99999999999"])
def test_faces_of_vertices_that_do_not_exist(vertex: bytes) -> None:
    message = rf"cannot be read as OFF \(found faces of vertices .*{vertex.decode()}.*, expected 0 to 3\)"
    refused(OFF.replace(b"3 0 3 2", b"3 0 3 " + vertex), ".off", message)
    text = FILES["ply-text"].replace(b"3 0 3 2", b"3 0 3 " + vertex)
    refused(text, ".ply", r"cannot be read as PLY \(.+\)")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"OFF\n0 0 0\n", "found no vertices, expected triangles: replace or remove the file"),
        (b"OFF\n", "cannot be read as OFF .the counts of vertices and faces are missing"),
        (b"OFF\nmany 3 0\n", "cannot be read as OFF .the counts of vertices and faces are missing"),
        (b"OFF\n-1 0 0\n", "cannot be read as OFF .the counts of vertices and faces are missing"),
        (OFF.replace(b"3 0 2 1", b"3 0 2"), "found a face of 3 corners with 2 numbers"),
        (OFF.replace(b"3 0 2 1", b"0 0 2"), "found a face of 0 corners with 2 numbers"),
        (OFF.replace(b"1 0 0", b"1 0 x"), "could not convert string to float"),
        (OFF.replace(b"1 0 0", b"1 0"), "cannot be read as OFF"),
        (b"4OFF" + OFF[3:], "it does not start with OFF"),
        (b"OFF\n3 1 0\n1 2 3\n1 2 3\n1 2 3\n3 0 1 2\n", "found 1 faces without area, expected triangles"),
        (
            b"OFF\n3 1 0\n.1 .2 .3\n.2 .4 .6\n.3 .6 .9\n3 0 1 2\n",
            "found 1 faces without area, expected triang",
        ),
        (b"OFF\n3 1 0\n1 2 3\n4 5 6\n7 8 8\n3 0 1 1\n", "found 1 faces without area, expected triangles"),
    ],
)
def test_unfit_meshes(data: bytes, message: str) -> None:
    refused(data, ".off", message)


CLOUDS = {
    ".off": b"OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n",
    ".obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n",
    ".ply": b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    b"end_header\n0 0 0\n1 0 0\n0 1 0\n",
}


@pytest.mark.parametrize("suffix", CLOUDS)
def test_clouds_of_points(suffix: str) -> None:
    message = (
        r"^shapes/a: found 3 points and no faces, expected triangles; a cloud of points can be fitted as "
        r"unsigned distance: set shape\.target = 'udf'$"
    )
    refused(CLOUDS[suffix], suffix, message)
    mesh = parse_mesh(CLOUDS[suffix], suffix, "x", points_allowed=True)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert mesh.faces.shape == (0, 3)
    one = CLOUDS[suffix].replace(b"1", b"0") if suffix == ".obj" else CLOUDS[".obj"].replace(b"1", b"0")
    refused(one, ".obj", "found all points in one place, expected a shape", points_allowed=True)


@given(data=st.data(), kind=st.sampled_from(sorted(FILES)))
@settings(max_examples=300, deadline=None)
def test_damage_is_either_harmless_or_named(data: st.DataObject, kind: str) -> None:
    """No other exception, no warning, and no mesh that breaks its promises."""
    made = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(made) - 1))
        made[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            mesh = parse_mesh(bytes(made), f".{kind.split('-')[0]}", "shapes/a", points_allowed=True)
        except SourceError:
            return
    assert mesh.vertices.dtype == np.float64
    assert mesh.vertices.shape[1:] == mesh.faces.shape[1:] == (3,)
    assert np.isfinite(mesh.vertices).all()
    if len(mesh.faces):
        assert sorted({*mesh.faces.ravel().tolist()}) == list(range(len(mesh.vertices)))


def test_what_is_wrong_with_an_stl_file() -> None:
    binary, text = FILES["stl"], FILES["stl-text"]
    for data in (binary[:-30], binary + b"\0\0"):
        refused(data, ".stl", rf"found {len(data)} bytes, expected 284 for the 4 faces of its header")
    refused(binary[:60], ".stl", "found 60 bytes, expected a header of 84: it was cut off")
    refused(text.replace(b"endsolid", b""), ".stl", "found no solid with its end, expected them in pairs")
    refused(text.replace(b"vertex", b"", 1), ".stl", "found a facet that has not three vertices")
    named = b"solid " + binary[6:]
    assert same_triangles(parse_mesh(named, ".stl", "x"), TETRAHEDRON)
    twice = parse_mesh(text + text, ".stl", "x")
    assert len(twice.faces) == 8


def test_text_takes_little_memory() -> None:
    data = b"OFF\n200000 1 0\n" + b"1 2 3\n" * 200_000 + b"3 0 1 2\n"
    tracemalloc.start()
    try:
        refused(data, ".off", "found 1 faces without area")
        assert tracemalloc.get_traced_memory()[1] < 20 * len(data)
    finally:
        tracemalloc.stop()


def test_meshes_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances of instances are counted before they are made."""
    nodes: list[dict[str, Any]] = [{"mesh": 0} for _ in range(300)]
    data = scene(nodes, list(range(300)))
    assert len(parse_mesh(data, ".glb", "x").faces) == 1200
    monkeypatch.setattr("neuralviews.mesh.load.MAX_FACES", 1199)
    refused(data, ".glb", "found 1200 vertices in all its parts, expected at most 1199")
    monkeypatch.setattr("neuralviews.mesh.polygons.MAX_FACES", 3)
    for kind in ("off", "stl", "stl-text"):
        refused(
            FILES[kind], f".{kind[:3]}", r"cannot be read as \w+ \(found 4 triangles, expected at most 3\)"
        )
    monkeypatch.setattr("neuralviews.mesh.load.MAX_BYTES", 100)
    refused(FILES["stl"], ".stl", "^shapes/a: found 284 bytes, expected at most 100: make it coarser$")
