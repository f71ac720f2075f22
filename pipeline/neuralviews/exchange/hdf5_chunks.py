"""Chunks of an HDF5 dataset, proven to be whole and no larger than they claim before HDF5 unpacks them.

HDF5 unpacks a chunk to whatever it comes to, so that a few hundred kilobytes can fill the memory; and it
takes chunks that are not there for zeros.
"""

import math
import zlib
from itertools import product
from typing import Any

from h5py import h5d, h5p, h5z

from .claims import is_bomb

__all__ = ["chunks_problem", "filters_problem"]

_ORDER = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE, h5z.FILTER_LZF, h5z.FILTER_FLETCHER32)
_PACKING = (h5z.FILTER_DEFLATE, h5z.FILTER_LZF)
_CHECKSUM_BYTES = 4
_INDEX_BYTES = 8
"""The least that a chunk takes in a file: its address."""


def filters_problem(plan: h5p.PropDCID) -> str | None:
    """Why filters of a dataset are not undone, or None: they are those of h5py itself, in its order."""
    found = _filters(plan)
    known = all(code in _ORDER for code in found)
    ordered = known and [_ORDER.index(code) for code in found] == sorted({*map(_ORDER.index, found)})
    if not ordered or sum(code in _PACKING for code in found) > 1:
        return f"is packed by filters {found}, expected gzip or lzf, perhaps with shuffle and fletcher32"
    return None


def chunks_problem(
    dataset: h5d.DatasetID, plan: h5p.PropDCID, shape: tuple[int, ...], itemsize: int, data: bytes
) -> str | None:
    """Why the chunks of a dataset are not to be read, or None.

    Args:
        data: the whole file.
    """
    chunk = plan.get_chunk()
    grid = [range(0, side, step) for side, step in zip(shape, chunk, strict=True)]
    count, size = math.prod(map(len, grid)), math.prod(chunk) * itemsize
    if count * _INDEX_BYTES > len(data):
        return f"claims {count} chunks, more than the file has room to name"
    stored: list[h5d.StoreInfo] = []

    def note(info: h5d.StoreInfo) -> bool | None:
        stored.append(info)
        return True if len(stored) > count else None  # more than there can be: in circles, or made to mislead

    if count:
        dataset.chunk_iter(note)
    if len(stored) != count or {info.chunk_offset for info in stored} != {*product(*grid)}:
        return f"has {len(stored)} of {count} chunks, or in other places: the file was never finished"
    ends = sorted((info.byte_offset, info.byte_offset + info.size) for info in stored)
    if any(end > start for (_, end), (start, _) in zip(ends, [*ends[1:], (len(data), 0)], strict=True)):
        return "has chunks that overlap or end beyond the file"
    if is_bomb(count * size, sum(info.size for info in stored)):
        return f"claims {count * size} bytes, of which too few are in the file"
    filters = _filters(plan)
    for info in stored:
        part = memoryview(data)[info.byte_offset : info.byte_offset + info.size]
        found = _unpacked_size(
            part, [f for i, f in enumerate(filters) if not info.filter_mask >> i & 1], size
        )
        if found != size:
            return f"has a chunk that does not come to the {size} bytes of all chunks"
    return None


def _filters(plan: h5p.PropDCID) -> list[int]:
    return [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]


def _unpacked_size(part: memoryview, filters: list[int], most: int) -> int:
    """To how many bytes a chunk comes, or some number above ``most``."""
    if h5z.FILTER_FLETCHER32 in filters:
        part = part[:-_CHECKSUM_BYTES]
    if h5z.FILTER_DEFLATE in filters:
        try:
            return len(zlib.decompressobj().decompress(part, most + 1))
        except zlib.error:
            return -1
    return _lzf_size(part, most) if h5z.FILTER_LZF in filters else len(part)


def _lzf_size(part: Any, most: int) -> int:
    """Source: the format as liblzf 3.6 by Marc Lehmann writes it: runs of up to 32 bytes, and repetitions."""
    size, place = 0, 0
    while place < len(part) and size <= most:
        control = part[place]
        if control < 32:
            size += control + 1
            place += control + 2
            continue
        length = control >> 5
        if length == 7:
            place += 1
            length += part[place] if place < len(part) else 0
        size += length + 2
        place += 2
    return size
