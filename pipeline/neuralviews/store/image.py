"""The bytes of a shard, built in memory: HDF5 lays the file out, and never opens or writes one itself.

HDF5 is given a Python object for a file and creates every dataset without writing to it; the data are put
into their places by us. The bytes depend on the records alone: earliest file format, sorted names, no
times, no fill values (checked alike for HDF5 1.14.2, 1.14.6 and 2.0.0). Nothing is copied: an image is a
list of pieces, most of them views of the arrays it was built from.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5fd, h5g, h5p, h5s, h5t
from numpy.typing import NDArray

from ..records import Records
from .files import Buffer
from .job import Job
from .schema import ALIGNMENT, WEIGHTS, attributes, column_path, groups_of

__all__ = ["Image", "image_bytes", "shard_image"]


@dataclass(frozen=True)
class Image:
    """A whole file in pieces, in order."""

    parts: list[Buffer]

    @property
    def bytes(self) -> int:
        return sum(len(part) for part in self.parts)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(part)
        return digest.hexdigest()


def shard_image(records: Records, job: Job, shard: int) -> Image:
    """The file of one shard; the same records, job and number give the same bytes on every machine."""
    arrays = {column_path(name): column for name, column in records.columns.items()}
    arrays[WEIGHTS] = records.weights
    stated = attributes(job.id, job.arch, shard, job.row_range(shard).start)
    layout = _Layout()
    offsets = _lay_out(layout, {path: arrays[path] for path in job.layout.types()}, stated)
    return Image(_interleave(layout, {offsets[path]: array for path, array in arrays.items()}))


def image_bytes(job: Job, shard: int) -> int:
    """The size of the file of one shard, without its records."""
    shapes = job.layout.shapes(len(job.row_range(shard)))
    arrays = {
        path: np.broadcast_to(np.zeros((), kind), shapes[path]) for path, kind in job.layout.types().items()
    }
    layout = _Layout()
    _lay_out(layout, arrays, attributes(job.id, job.arch, shard, job.row_range(shard).start))
    return layout.size


class _Layout:
    """What HDF5 takes for a file: it keeps what is written, by offset, and reads as zeros elsewhere."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytes] = {}
        self.size = 0
        self._position = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: memoryview) -> int:
        self.blocks[self._position] = bytes(data)
        self._position += len(data)
        self.size = max(self.size, self._position)
        return len(data)

    def readinto(self, buffer: memoryview) -> int:
        raise NotImplementedError("HDF5 read back from a file that is being laid out")

    def truncate(self, size: int) -> None:
        self.size = size

    def flush(self) -> None:
        pass


def _lay_out(
    layout: _Layout, arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, NDArray[Any]]
) -> dict[str, int]:
    """Let HDF5 create attributes and unwritten datasets in this order; returns each dataset's offset."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_alignment(ALIGNMENT, ALIGNMENT)
    access.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_V110)
    access.set_fileobj_driver(h5fd.fileobj_driver, layout)
    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_layout(h5d.CONTIGUOUS)
    creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5d.FILL_TIME_NEVER)
    creation.set_obj_track_times(False)
    with h5py.File(h5f.create(b"shard", h5f.ACC_TRUNC, fapl=access)) as file:
        root = h5g.open(file.id, b"/")
        for name, value in attributes.items():
            h5a.create(root, name.encode(), h5t.py_create(value.dtype), h5s.create(h5s.SCALAR)).write(value)
        for group in groups_of(arrays):
            h5g.create(root, group.encode())
        offsets = {}
        for path, array in arrays.items():
            kind = h5t.py_create(array.dtype, logical=True)
            dataset = h5d.create(root, path.encode(), kind, h5s.create_simple(array.shape), dcpl=creation)
            offsets[path] = dataset.get_offset()
    return offsets


def _interleave(layout: _Layout, arrays: Mapping[int, NDArray[Any]]) -> list[Buffer]:
    """Join metadata and arrays, both by offset, into the pieces of one file; gaps are zeros."""
    pieces: dict[int, Buffer] = dict(layout.blocks)
    for offset, array in arrays.items():
        pieces[offset] = np.ascontiguousarray(array).data.cast("B")
    parts: list[Buffer] = []
    position = 0
    for offset, piece in sorted(pieces.items()):
        if offset < position:
            raise AssertionError("HDF5 laid two things out over each other")
        parts += [bytes(offset - position), piece]
        position = offset + len(piece)
    parts.append(bytes(layout.size - position))
    return [part for part in parts if len(part)]
