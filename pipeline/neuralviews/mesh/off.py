"""Object File Format: the text files of ModelNet, headers without a line break of their own included."""

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["parse_off"]


def parse_off(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(vertices (v, 3), triangles (f, 3)) of an OFF file; polygons become fans.

    After the word OFF, which ModelNet glues to what follows, come the counts of vertices, faces and edges,
    then a line for each vertex and face. What follows on such a line, as colours, is passed over, and so
    are comments. A file with fewer lines than announced is refused: it was cut off.

    Raises:
        ValueError: it is no such file, or is damaged.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lines = [words for line in text.splitlines() if (words := line.split("#", 1)[0].split())]
    head = re.fullmatch(r"(?:ST)?C?N?OFF(\d*)", lines[0][0], re.IGNORECASE) if lines else None
    if head is None:
        raise ValueError("it does not start with OFF")
    counts = [word for word in (head[1], *lines[0][1:]) if word]
    body = lines[1:]
    if not counts:
        counts, body = (body[0], body[1:]) if body else ([], [])
    if len(counts) < 2 or not all(re.fullmatch(r"\d{1,18}", word) for word in counts[:2]):
        raise ValueError("the counts of vertices and faces are missing")
    count, end = int(counts[0]), int(counts[0]) + int(counts[1])
    if len(body) < end:
        raise ValueError(f"found {len(body)} lines, expected {count} vertices and {end - count} faces")
    vertices = np.array([words[:3] for words in body[:count]], np.float64).reshape(count, 3)
    triangles = []
    for words in body[count:end]:
        size = int(words[0])
        if not 1 <= size < len(words):
            raise ValueError(f"found a face of {words[0]} corners with {len(words) - 1} numbers")
        triangles += [(words[1], words[i], words[i + 1]) for i in range(2, size)]
    return vertices, np.array(triangles, np.int64).reshape(-1, 3)
