"""One tetrahedron in every format of mesh files, scenes of it, and what a refusal is."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import trimesh

from neuralviews.errors import SourceError
from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.mesh import Mesh

OFF = b"OFF\n4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1.5\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"
TETRAHEDRON = parse_mesh(OFF, ".off", "x")


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


def glb(header: Mapping[str, Any], binary: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def scene(nodes: list[dict[str, Any]], roots: list[int], padding: bytes = b"", **more: Any) -> bytes:
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
    return glb(header, points + faces + padding)
