"""Wavefront OBJ: its vertices and faces, and nothing else of it."""

import re
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .lines import points_of, words_of
from .polygons import fans

__all__ = ["parse_obj"]


def parse_obj(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(vertices (v, 3), triangles (f, 3)) of an OBJ file; polygons become fans.

    Negative numbers count back from the last vertex above the face. Parts, materials, texture and normals
    are passed over, and no file that it names is opened.

    Raises:
        ValueError: a coordinate or a corner is no number, or names vertex 0.
    """
    corners, sizes = array("q"), array("q")

    def coordinates() -> Iterator[list[bytes]]:
        above = 0
        for words in words_of(re.sub(rb"\\\r?\n", b" ", data)):
            if words[0] == b"v":
                above += 1
                yield words[1:]
            elif words[0] == b"f":
                numbers = [int(word.split(b"/", 1)[0]) for word in words[1:]]
                if 0 in numbers:
                    raise ValueError("found a face of vertex 0, but they count from 1")
                corners.extend([number - 1 if number > 0 else above + number for number in numbers])
                sizes.append(len(numbers))

    vertices = points_of(coordinates())
    return vertices, fans(corners, sizes)
