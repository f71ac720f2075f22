"""PLY files with lists and numbers beside what is read, in every order of bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.mesh.load import parse_mesh

from .mesh_files import refused


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
