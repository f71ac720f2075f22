"""GLB files: the parts of a scene in their places, and scenes that would be misread."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from neuralviews.mesh.load import parse_mesh
from neuralviews.mesh.repair import repaired

from .mesh_files import TETRAHEDRON, glb, refused, scene


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


@pytest.mark.parametrize("children", [[[1], [0]], [[0]], [[1, 2], [], [3], [1, 2]]])
def test_nodes_in_a_circle_are_refused(children: list[list[int]]) -> None:
    """Some would be there twice, and how often is the reader's accident."""
    nodes = [{"mesh": 0, "children": below} for below in children]
    refused(scene(nodes, [0]), ".glb", r"found node \d below itself, expected its scene to be a tree: export")


def test_a_node_of_two_parents_is_read() -> None:
    nodes: list[dict[str, Any]] = [{"children": [1, 2]}, {"children": [3]}, {"children": [3]}, {"mesh": 0}]
    assert len(parse_mesh(scene(nodes, [0]), ".glb", "x").faces) == 8


POINTS = {"buffer": 0, "byteLength": 48}
CORNERS = {"buffer": 0, "byteOffset": 48, "byteLength": 24}
ACCESSORS = [
    {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
    {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
]
SIZE = 1 << 18
STRIDED = {"bufferView": 2, "componentType": 5126, "count": SIZE // 4 - 20, "type": "MAT4"}
TRIANGLES = {"attributes": {"POSITION": 2}}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        # Items of 64 bytes, each 4 bytes after the last one: 16 times the data, and nobody uses them.
        (
            {"accessors": [*ACCESSORS, *[STRIDED] * 20]},
            r"found \d{8} bytes announced in \d{6}, expected at most 67",
        ),
        (
            {"bufferViews": [POINTS, CORNERS, *[{"buffer": 0, "byteOffset": 1, "byteLength": SIZE}] * 300]},
            r"found \d{8} bytes announced in \d{6}, expected at most 67108864: export it again",
        ),
        (
            {
                "accessors": [*ACCESSORS, {**STRIDED, "type": "VEC3"}],
                "meshes": [{"primitives": [TRIANGLES] * 160}],
            },
            r"found 10482560 vertices in \d{6} bytes, expected at most 10000000: make it coarser",
        ),
        (
            {
                "accessors": [*ACCESSORS, {**STRIDED, "type": "SCALAR"}],
                "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 2}] * 460}],
            },
            r"found 30137360 corners of faces in \d{6} bytes, expected at most 30000000: make it coarser",
        ),
    ],
    ids=["accessors", "views", "vertices", "indices"],
)
def test_few_bytes_take_no_gigabytes(more: dict[str, Any], reason: str) -> None:
    data = {
        "buffers": [{"byteLength": 72 + SIZE}],
        "bufferViews": [
            POINTS,
            CORNERS,
            {"buffer": 0, "byteOffset": 72, "byteLength": SIZE, "byteStride": 4},
        ],
        **more,
    }
    made = scene([{"mesh": 0}], [0], padding=bytes(SIZE), **data)
    tracemalloc.start()
    try:
        refused(made, ".glb", reason)
        assert tracemalloc.get_traced_memory()[1] < 2 * SIZE
    finally:
        tracemalloc.stop()


def test_a_view_of_all_records_for_each_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    """As engines lay vertices out: eight attributes side by side, the next vertex 88 bytes on."""
    monkeypatch.setattr("neuralviews.mesh.unsound._FEW_BYTES", 0)
    places = {"POSITION": 0, "NORMAL": 12, "TANGENT": 24, "TEXCOORD_0": 40, "TEXCOORD_1": 48}
    places |= {"COLOR_0": 56, "WEIGHTS_0": 72, "_AGE": 84}
    kinds, count, stride = (3, 3, 4, 2, 2, 4, 4, 1), 3000, 88
    records = np.zeros((count, stride // 4), "<f4")
    records[:, :3] = np.random.Generator(np.random.Philox(1)).random((count, 3))
    corners = np.arange(count, dtype="<u4")
    views = [
        {"buffer": 0, "byteOffset": at, "byteLength": records.nbytes - at, "byteStride": stride}
        for at in places.values()
    ]
    types = [f"VEC{kind}" if kind > 1 else "SCALAR" for kind in kinds]
    accessors = [
        {"bufferView": i, "componentType": 5126, "count": count, "type": kind} for i, kind in enumerate(types)
    ]
    part = {"attributes": {name: i for i, name in enumerate(places)}, "indices": len(views)}
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [part]}],
        "buffers": [{"byteLength": records.nbytes + corners.nbytes}],
        "bufferViews": [*views, {"buffer": 0, "byteOffset": records.nbytes, "byteLength": corners.nbytes}],
        "accessors": [
            *accessors,
            {"bufferView": len(views), "componentType": 5125, "count": count, "type": "SCALAR"},
        ],
    }
    data = glb(header, records.tobytes() + corners.tobytes())
    assert len(parse_mesh(data, ".glb", "x").faces) == count // 3


def test_honest_files_may_share_their_data() -> None:
    parts = [{"attributes": {"POSITION": 2 * i}, "indices": 2 * i + 1} for i in range(100)]
    data = scene([{"mesh": 0}], [0], accessors=ACCESSORS * 100, meshes=[{"primitives": parts}])
    assert len(parse_mesh(data, ".glb", "x").faces) == 400
