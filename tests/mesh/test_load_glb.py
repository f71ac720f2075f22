"""GLB files: the parts of a scene in their places, and scenes that would be misread."""

from typing import Any

import numpy as np
import pytest

from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.repair import repaired

from .mesh_files import TETRAHEDRON, refused, scene


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
