"""Object File Format: the text files of ModelNet, headers without a line break of their own included."""

import re
from array import array
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .lines import points_of, words_of
from .polygons import fans

__all__ = ["parse_off"]


def parse_off(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(vertices (v, 3), triangles (f, 3)) of an OFF file; polygons become fans.

    After the word OFF, which ModelNet glues to what follows, come the counts of vertices, faces and edges,
    then a line for each vertex and face. What follows on such a line, as colours, is passed over, and so
    are comments. A file with fewer lines than announced is refused: it was cut off.

    Raises:
        ValueError: it is no such file, or is damaged.
    """
    lines = words_of(data)
    first = next(lines, [b""])
    head = re.fullmatch(rb"(?:ST)?C?N?OFF(\d*)", first[0], re.IGNORECASE)
    if head is None:
        raise ValueError("it does not start with OFF")
    counts = [word for word in (head[1], *first[1:]) if word] or next(lines, [])
    if len(counts) < 2 or not all(re.fullmatch(rb"\d{1,18}", word) for word in counts[:2]):
        raise ValueError("the counts of vertices and faces are missing")
    count, faces = int(counts[0]), int(counts[1])
    vertices = points_of(islice(lines, count))
    corners, sizes = array("q"), array("q")
    for words in islice(lines, faces):
        size = int(words[0])
        if not 1 <= size < len(words):
            raise ValueError(f"found a face of {size} corners with {len(words) - 1} numbers")
        corners.extend(map(int, words[1 : size + 1]))
        sizes.append(size)
    found = len(vertices) + len(sizes)
    if found < count + faces:
        raise ValueError(f"found {found} lines, expected {count} vertices and {faces} faces")
    return vertices, fans(corners, sizes)
