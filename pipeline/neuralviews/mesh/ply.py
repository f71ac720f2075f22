"""Meshes as PLY files, which every program for shapes reads.

Source: Turk, "The PLY Polygon File Format" (1994).
"""

from collections.abc import Sequence

import numpy as np

from ..errors import OptionError
from .mesh import Mesh

__all__ = ["ply_bytes"]

_FACE = np.dtype([("corners", "u1"), ("vertices", "<i4", (3,))])


def ply_bytes(mesh: Mesh, comments: Sequence[str] = ()) -> bytes:
    """A binary little-endian PLY file: vertices as float32 x, y, z, faces as int32 triples.

    Args:
        comments: lines of the header, printable ASCII.
    Raises:
        OptionError: a comment that would break the header.
    """
    for comment in comments:
        if not (comment.isascii() and comment.isprintable()):
            raise OptionError(f"comment: found {comment!r}, expected printable ASCII")
    header = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment {comment}" for comment in comments),
        f"element vertex {len(mesh.vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        f"element face {len(mesh.faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    faces = np.empty(len(mesh.faces), _FACE)
    faces["corners"], faces["vertices"] = 3, mesh.faces
    return "\n".join((*header, "")).encode() + mesh.vertices.astype("<f4").tobytes() + faces.tobytes()
