"""STL: triangles as text or binary, told apart by what is in the file and not by its first word."""

import struct
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from .lines import points_of, words_of
from .polygons import require_few

__all__ = ["parse_stl"]

_HEADER = 84
_FACE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


def parse_stl(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(vertices (3 f, 3), triangles (f, 3)) of an STL file, each corner a vertex of its own.

    Raises:
        ValueError: it is no such file, is damaged or was cut off, or has too many triangles.
    """
    binary = _binary(data) if b"\0" in data or len(data) == _HEADER else None
    vertices = _text(data) if binary is None else binary
    return vertices, np.arange(len(vertices)).reshape(-1, 3)


def _binary(data: bytes) -> NDArray[np.float64]:
    if len(data) < _HEADER:
        raise ValueError(f"found {len(data)} bytes, expected a header of {_HEADER}: it was cut off")
    (count,) = struct.unpack_from("<I", data, _HEADER - 4)
    expected = _HEADER + _FACE.itemsize * count
    if len(data) != expected:
        raise ValueError(f"found {len(data)} bytes, expected {expected} for the {count} faces of its header")
    require_few(count)  # before they are copied
    faces = np.frombuffer(data, _FACE, offset=_HEADER)
    return faces["corners"].reshape(-1, 3).astype(np.float64)


def _text(data: bytes) -> NDArray[np.float64]:
    corners, ends = [], []
    parts = cycle((b"facet", b"vertex", b"vertex", b"vertex", b"endfacet"))
    for words in words_of(data, comment=None):
        kind = words[0].lower()
        if kind in (b"solid", b"endsolid"):
            ends.append(kind)
        if kind in (b"facet", b"vertex", b"endfacet"):
            if kind != next(parts):
                raise ValueError("found a facet that has not three vertices, expected triangles")
            if kind == b"vertex":
                corners.append(words[1:4])
    if not ends or ends != [b"solid", b"endsolid"] * (len(ends) // 2):
        raise ValueError("found no solid with its end, expected them in pairs: it was cut off, or is no STL")
    if next(parts) != b"facet":
        raise ValueError("found a facet without its end: it was cut off")
    return points_of(iter(corners))
