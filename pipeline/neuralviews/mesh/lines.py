"""Text files of meshes, line by line: to split up a whole file would take many times its size."""

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

__all__ = ["points_of", "words_of"]

_BLOCK = 1 << 14


def words_of(data: bytes, comment: bytes | None = b"#") -> Iterator[list[bytes]]:
    """The words of each line that has any; lines end as on any system.

    Bytes stay bytes: what encoding names and comments have makes no difference.

    Args:
        comment: what begins one, which reaches to the end of its line.
    """
    for line in re.finditer(rb"[^\r\n]+", data.removeprefix(b"\xef\xbb\xbf")):
        text = line[0] if comment is None else line[0].split(comment, 1)[0]
        if words := text.split():
            yield words


def points_of(rows: Iterator[list[bytes]], columns: tuple[int, int, int] = (0, 1, 2)) -> NDArray[np.float64]:
    """Coordinates (n, 3), of the words in these columns.

    Raises:
        ValueError: a row is too short, or one of the words is no number.
    """
    x, y, z = columns
    blocks, last = [np.empty((0, 3))], max(columns)
    while block := list(islice(rows, _BLOCK)):
        if min(map(len, block)) <= last:
            raise ValueError(f"found a vertex of {min(map(len, block))} numbers, expected {last + 1}")
        blocks.append(np.array([(row[x], row[y], row[z]) for row in block], np.float64))
    return np.concatenate(blocks)
