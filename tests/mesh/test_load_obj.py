"""OBJ files as they are found, in parts and with materials, and those that would be misread."""

from pathlib import Path

import pytest

from neuralviews.mesh.load import parse_mesh

from .mesh_files import TETRAHEDRON, refused, same_triangles


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


def test_many_materials_cost_nothing() -> None:
    """No pass over the file for each, and no copies of the vertices that they share."""
    count = 20_000
    face = "usemtl m{}\nf 1 2 3\nf 3 2 4\n"
    data = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 1 1\n" + "".join(face.format(i) for i in range(count))
    mesh = parse_mesh(data.encode(), ".obj", "x")
    assert (len(mesh.vertices), len(mesh.faces)) == (4, 2 * count)
