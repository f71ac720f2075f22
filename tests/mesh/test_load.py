"""Mesh files: every format gives the same solid, and whatever else is in a file is one line that says so."""

import json
import logging
import os
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.mesh.formats import FORMATS
from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.repair import repaired

OFF = b"OFF\n4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1.5\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"
TETRAHEDRON = parse_mesh(OFF, ".off", "x")
PYRAMID = (
    b"OFF\n5 5 0\n-1 -1 0\n1 -1 0\n1 1 0\n-1 1 0\n0 0 1\n4 3 2 1 0\n3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n"
)
PENTAGON = b"OFF\n5 1 0\n0 0 0\n2 0 0\n3 1 0\n1 3 0\n-1 1 0\n5 0 1 2 3 4\n"


def written(kind: str, **options: Any) -> bytes:
    made = trimesh.Trimesh(TETRAHEDRON.vertices, TETRAHEDRON.faces, process=False)
    data = made.export(file_type=kind, **options)
    return data.encode() if isinstance(data, str) else data


FILES = {
    "off": OFF,
    "obj": written("obj"),
    "ply": written("ply"),
    "ply-text": written("ply", encoding="ascii"),
    "stl": written("stl"),
    "stl-text": written("stl_ascii"),
    "glb": written("glb"),
}


def refused(data: bytes, suffix: str, message: str, *, points_allowed: bool = False) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        parse_mesh(data, suffix, "shapes/a", points_allowed=points_allowed)
    assert str(caught.value).startswith("shapes/a: ")
    assert "\n" not in str(caught.value)


def same_triangles(mesh: Mesh, expected: Mesh) -> bool:
    def shown(mesh: Mesh) -> list[list[list[float]]]:
        turned = [np.roll(t, -int(np.lexsort(t.T[::-1])[0]), axis=0).tolist() for t in mesh.corners]
        return sorted(turned)

    return shown(mesh) == shown(expected)


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


def test_obj_files_as_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texture, normals, materials, parts, comments and numbers that count back; no other file is opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.mtl").write_text("newmtl a\nmap_Kd m.png\n")
    head = "mtllib m.mtl\r\no one # first\r\n"
    corners = "".join(f"v {x} {y} {z}\n" for x, y, z in TETRAHEDRON.vertices)
    faces = [[i + 1 for i in face] for face in TETRAHEDRON.faces.tolist()]
    textured = "vt 0 0\nvn 0 0 1\nusemtl a\n" + "".join(f"f {a}/1/1 {b}/1/1 {c}/1/1\n" for a, b, c in faces)
    parts = "".join(f"g part{i}\nusemtl m{i}\nf {a} {b} {c} # {i}\n" for i, (a, b, c) in enumerate(faces))
    back = "".join(f"f {a - 5} {b - 5} {c - 5}\n" for a, b, c in faces)
    opened: list[object] = []
    real = open
    monkeypatch.setattr("builtins.open", lambda *a, **k: opened.append(a) or real(*a, **k))
    each = "".join(
        "".join("v {} {} {}\n".format(*p) for p in t) + "f -3 -2 \\\n-1\n" for t in TETRAHEDRON.corners
    )
    texts = (head + corners + textured, corners + parts, corners + back, f"  {corners}v 9 9 9\n{parts}")
    for text in (*texts, each, f"\ufeff{corners}{parts}"):
        assert same_triangles(parse_mesh(text.encode(), ".obj", "x"), TETRAHEDRON)
    assert opened == []


def test_obj_files_that_would_be_misread_are_refused() -> None:
    one = b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"
    refused(one + b"f -4 -2 -1\n", ".obj", "found faces of vertices -1 to 2, expected 0 to 2")
    refused(one + b"f 0 1 2\n", ".obj", "found a face of vertex 0, but they count from 1")
    refused(
        one + b"f 1 2 2\nf 1 a 3\n", ".obj", r"cannot be read as OBJ \(.+\); replace or remove the file, or"
    )
    refused(one + b"f 1 2 4\n", ".obj", r"found faces of vertices 0 to 3, expected 0 to 2")


def glb(header: Mapping[str, Any], binary: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def scene(nodes: list[dict[str, Any]], roots: list[int], **more: Any) -> bytes:
    points = TETRAHEDRON.vertices.astype("<f4").tobytes()
    faces = TETRAHEDRON.faces.astype("<u2").tobytes()
    header = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 4}]}],
        "buffers": [{"byteLength": len(points + faces)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(points)},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(faces)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
        **more,
    }
    return glb(header, points + faces)


def test_the_parts_of_a_scene_are_moved_to_their_places() -> None:
    half = float(np.sqrt(0.5))
    nodes = [
        {"translation": [10, 0, 0], "children": [1, 2]},
        {"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 2, 2]},  # a quarter turn about z
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
        {"mesh": 0},
    ]
    mesh = parse_mesh(scene(nodes, [0, 3]), ".glb", "x")
    x, y, z = TETRAHEDRON.vertices.T
    places = [
        TETRAHEDRON.vertices,
        np.stack([10 + x, y, 5 + z], axis=1),
        np.stack([10 - 2 * y, 2 * x, 2 * z], axis=1),
    ]
    expected = sorted(np.concatenate(places).round(5).tolist())
    assert sorted((mesh.vertices.round(5) + 0.0).tolist()) == expected
    assert repaired(mesh)[1].boundary_edges == 0
    again = parse_mesh(scene(nodes, [0, 3]), ".glb", "x")
    np.testing.assert_array_equal(again.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.faces, mesh.faces)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            {"buffers": [{"uri": "/etc/passwd", "byteLength": 72}]},
            "found data in the file '/etc/passwd', exp",
        ),
        (
            {"buffers": [{"uri": "http://localhost/x", "byteLength": 72}]},
            "found data in the file 'http://loc",
        ),
        (
            {"accessors": [{"componentType": 5126, "count": 10**12, "type": "VEC3"}]},
            "found sparse data, expec",
        ),
        (
            {"accessors": [{"bufferView": 0, "componentType": 5126, "count": 10**12, "type": "VEC3"}]},
            "found 1000000000000 items announced in",
        ),
        (
            {"extensionsRequired": ["KHR_draco_mesh_compression"]},
            "found the extension KHR_draco_mesh_compress",
        ),
        (
            {"meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 6}]}]},
            "found fans of triangles",
        ),
        ({"meshes": [{"primitives": [{"attributes": {"POSITION": 7}}]}]}, "list index out of range"),
        ({"scenes": "none"}, "cannot be read as GLB"),
    ],
)
def test_glb_files_that_would_be_misread_are_refused(more: dict[str, Any], reason: str) -> None:
    refused(scene([{"mesh": 0}], [0], **more), ".glb", reason)


def test_nodes_in_a_circle_end() -> None:
    nodes = [{"mesh": 0, "children": [1]}, {"children": [0], "translation": [5, 0, 0]}]
    assert len(parse_mesh(scene(nodes, [0]), ".glb", "x").faces) in (4, 8)


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


def ply(order: str, faces: list[list[int]], more: str = "") -> bytes:
    """A PLY file of five vertices, with lists and numbers beside what is read."""
    name = {"<": "binary_little_endian", ">": "binary_big_endian", "": "ascii"}[order]
    lines = f"""ply
format {name} 1.0
obj_info none
element vertex 5
property uchar red
property double z
property float x
property short y
element face {len(faces)}
property list uchar float uv
property char flag
property list ushort uint vertex_index
property int part
{more}end_header
"""
    head = lines.replace("\n", "\r\n").encode()
    vertices = [(7, z, x, y) for x, y, z in ((-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0), (0, 0, 1.5))]
    rows = [(2, 0.5, 0.25, -1, len(face), *face, 9) for face in faces]
    if not order:
        return head + "".join(" ".join(map(str, row)) + "\r\n" for row in (*vertices, *rows)).encode()
    body = [struct.pack(f"{order}Bdfh", *row) for row in vertices]
    body += [struct.pack(f"{order}B2fbH{len(row) - 6}Ii", *row) for row in rows]
    return head + b"".join(body)


@pytest.mark.parametrize("order", ["<", ">", ""])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_ply_files_of_polygons_of_any_sizes(order: str, data: st.DataObject) -> None:
    face = st.lists(st.integers(0, 4), min_size=1, max_size=6)
    faces = [[0, 1, 4], *data.draw(st.lists(face, max_size=8))]
    mesh = parse_mesh(ply(order, faces), ".ply", "x")
    corners = [[(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0), (0, 0, 1.5)][i] for f in faces for i in f]
    ends = np.cumsum([0, *map(len, faces)])
    expected = [
        [corners[a], corners[a + k], corners[a + k + 1]]
        for a, face in zip(ends, faces, strict=False)
        for k in range(1, len(face) - 1)
    ]
    assert mesh.corners.tolist() == np.array(expected, np.float64).tolist()


@pytest.mark.parametrize("order", ["<", ">", ""])
def test_ply_files_that_would_be_misread_are_refused(order: str) -> None:
    faces = [[0, 1, 2, 3], [0, 1, 4]]
    whole = ply(order, faces)
    refused(whole[:-6], ".ply", "found .*face.* cut off|found a face of 3 corners with")
    refused(whole + b" 1", ".ply", "found .*more (lines )?than its header announces")
    strips = "element tristrips 1\nproperty list int int vertex_indices\n"
    refused(ply(order, faces, strips), ".ply", "found strips of triangles, expected faces: export it so")
    refused(
        ply(order, faces, "element x 99999999999999999999\r\n"), ".ply", "found 'element x 9+' in its header"
    )
    refused(
        whole.replace(b"float x", b"float u"), ".ply", "found vertices without one number each for x, y and z"
    )
    refused(
        whole.replace(b"vertex_index", b"corners"), ".ply", "found faces without one list of whole numbers"
    )
    refused(whole.replace(b"format", b"form"), ".ply", "found 'form .* in its header")
    refused(
        whole.replace(b"element face 2", b"element face 900000"),
        ".ply",
        "face cut off, expected 900000 of it",
    )


def test_many_materials_cost_nothing() -> None:
    """No pass over the file for each, and no copies of the vertices that they share."""
    count = 20_000
    face = "usemtl m{}\nf 1 2 3\nf 3 2 4\n"
    data = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 1 1\n" + "".join(face.format(i) for i in range(count))
    mesh = parse_mesh(data.encode(), ".obj", "x")
    assert (len(mesh.vertices), len(mesh.faces)) == (4, 2 * count)


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
    refused(OFF, ".off", "found 4 triangles, expected at most 3")
    monkeypatch.setattr("neuralviews.mesh.load.MAX_BYTES", 100)
    refused(FILES["stl"], ".stl", "^shapes/a: found 284 bytes, expected at most 100: make it coarser$")


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
