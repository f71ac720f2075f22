"""PLY files: read back by another library, and byte for byte what the format says."""

import io
import struct

import numpy as np
import pytest
import trimesh

from neuralviews.errors import OptionError
from neuralviews.mesh.mesh import Mesh
from neuralviews.mesh.ply import ply_bytes

from .solids import sphere

TRIANGLE = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, -0.5, 0.1]]), np.array([[0, 2, 1]]))


def test_every_byte() -> None:
    header = (
        b"ply\nformat binary_little_endian 1.0\ncomment one\ncomment two words\nelement vertex 3\n"
        b"property float x\nproperty float y\nproperty float z\nelement face 1\n"
        b"property list uchar int vertex_indices\nend_header\n"
    )
    body = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, -0.5, 0.1) + struct.pack("<B3i", 3, 0, 2, 1)
    assert ply_bytes(TRIANGLE, ["one", "two words"]) == header + body


def test_another_library_reads_it() -> None:
    mesh = sphere(3, 0.7)
    read = trimesh.load_mesh(io.BytesIO(ply_bytes(mesh, ["a ball"])), file_type="ply", process=False)
    np.testing.assert_array_equal(read.vertices, mesh.vertices.astype(np.float32))
    np.testing.assert_array_equal(read.faces, mesh.faces)
    assert read.is_watertight


def test_no_triangles() -> None:
    data = ply_bytes(Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64)))
    assert data.endswith(b"element face 0\nproperty list uchar int vertex_indices\nend_header\n")


@pytest.mark.parametrize("comment", ["two\nlines", "\x1b[31m", "Möbius"])
def test_comments_cannot_break_the_header(comment: str) -> None:
    with pytest.raises(OptionError) as error:
        ply_bytes(TRIANGLE, [comment])
    assert str(error.value) == f"comment: found {comment!r}, expected printable ASCII"
