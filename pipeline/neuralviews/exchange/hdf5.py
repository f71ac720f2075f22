"""HDF5 files of others, which may be made to harm: datasets in the root of a file, read strictly.

HDF5 can be made to read other files (external storage, external and soft links, virtual datasets), to inflate
a kilobyte into gigabytes, or to walk in circles. So it is given bytes and never a path, nothing is opened but
hard links in the root by names that a format has, and a dataset is read only once its storage was proven to
lie in these bytes and to come to no more than it claims. Plain datasets are not read through HDF5 at all.
"""

import io
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5f, h5fd, h5g, h5i, h5l, h5o, h5p, h5s, h5t
from numpy.typing import NDArray

from ..errors import SourceError
from .claims import is_bomb
from .hdf5_chunks import chunks_problem, filters_problem

__all__ = ["Hdf5", "hdf5_bytes", "open_hdf5"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COMPACT_BYTES = 1 << 16
_HEAP_ID = struct.Struct("<IQI")
"""What stands in a dataset for a text of variable length: how long it is, which heap holds it, and where."""
_HEAP = struct.Struct("<4s4xQ")
_OBJECT = struct.Struct("<H6xQ")
_LONGEST_REASON = 200
_FAULTS = (
    *(OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError, struct.error),
)
"""What h5py raises on damaged files."""
_VERSIONS = ("earliest", "v110")


class _Refused(Exception):
    """Why a dataset is not read, without its name."""


class _Bytes(io.BytesIO):
    """A file for HDF5 that says so when it is to be read beyond its end: h5py takes what it has then."""

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        if count != len(buffer):
            raise OSError("it points beyond its end")
        return count


class Hdf5:
    """The datasets in the root of a file; see `open_hdf5`."""

    def __init__(self, root: h5g.GroupID, data: bytes, where: str) -> None:
        self._root = root
        self._data = data
        self._where = where

    def __contains__(self, name: str) -> bool:
        with _faults(f"{self._where}: dataset {name}"):
            return name.encode() in self._root

    def array(self, name: str) -> NDArray[Any]:
        """A dataset of numbers or of texts of fixed length, as it is; plain ones are views of the bytes.

        Raises:
            SourceError: there is none, it lies elsewhere, is not whole, or claims more than the file holds.
        """
        with self._faults(name):
            dataset, plan, shape = self._dataset(name)
            kind = dataset.get_type()
            if kind.get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING) or kind.committed():
                raise _Refused("is of a type that is neither numbers nor text")
            dtype = kind.dtype
            if dtype.hasobject or not kind.equal(h5t.py_create(dtype)):
                raise _Refused("is of a type that NumPy does not have")
            found = self._numbers(dataset, plan, shape, dtype)
            return found.astype(dtype.newbyteorder("="), copy=False)

    def text(self, name: str) -> str:
        """A dataset of a single text.

        Raises:
            SourceError: as `array`, or it is no text.
        """
        with self._faults(name):
            dataset, plan, shape = self._dataset(name)
            kind = dataset.get_type()
            if kind.get_class() != h5t.STRING or kind.committed() or shape not in ((), (1,)):
                raise _Refused(f"has the shape {shape} or another type, expected one text")
            if not kind.is_variable_str():
                return bytes(self._numbers(dataset, plan, shape, kind.dtype).reshape(())[()]).decode()
            if plan.get_layout() != h5d.CONTIGUOUS:
                raise _Refused("is a text in chunks")
            self._require_held(dataset, plan, shape, _HEAP_ID.size)
            return self._from_heap(*_HEAP_ID.unpack_from(self._data, dataset.get_offset())).decode()

    def _from_heap(self, size: int, start: int, index: int) -> bytes:
        """An object of a global heap, without HDF5, which a damaged one can keep busy for ever.

        Source: HDF5 File Format Specification, III.E. Each object has its number, how often it is named, and
        its size, and starts at a multiple of 8; number 0 is the room that is left.
        """
        signature, end = _HEAP.unpack_from(self._data, start)
        end = min(start + end, len(self._data))
        place = start + _HEAP.size
        while signature == b"GCOL" and place + _OBJECT.size <= end:
            number, length = _OBJECT.unpack_from(self._data, place)
            place += _OBJECT.size
            if number == 0 or place + length > end:
                break
            if number == index and size <= length:
                return self._data[place : place + size]
            place += -(-length // 8) * 8
        raise _Refused("is a text that is not in the file")

    def _dataset(self, name: str) -> tuple[h5d.DatasetID, h5p.PropDCID, tuple[int, ...]]:
        """A dataset whose data lie in this very file."""
        key = name.encode()
        if key not in self._root:
            raise _Refused("is not there")
        if self._root.links.get_info(key).type != h5l.TYPE_HARD:
            raise _Refused("is a link to elsewhere")
        dataset = h5o.open(self._root, key)
        if h5i.get_type(dataset) != h5i.DATASET:
            raise _Refused("is no dataset")
        plan = dataset.get_create_plist()
        if plan.get_layout() not in (h5d.CONTIGUOUS, h5d.COMPACT, h5d.CHUNKED):
            raise _Refused("is put together from other datasets")
        if plan.get_external_count():
            raise _Refused("lies in another file")
        problem = filters_problem(plan)
        if problem is not None:
            raise _Refused(problem)
        space = dataset.get_space()
        if space.get_simple_extent_type() not in (h5s.SIMPLE, h5s.SCALAR):
            raise _Refused("has no shape")
        return dataset, plan, tuple(space.get_simple_extent_dims())

    def _numbers(
        self, dataset: h5d.DatasetID, plan: h5p.PropDCID, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        size = self._require_held(dataset, plan, shape, dtype.itemsize)
        if size and plan.get_layout() == h5d.CONTIGUOUS:
            return np.frombuffer(self._data, dtype, math.prod(shape), dataset.get_offset()).reshape(shape)
        found: NDArray[Any] = np.empty(shape, dtype)
        if size:
            dataset.read(h5s.ALL, h5s.ALL, found)
        return found

    def _require_held(
        self, dataset: h5d.DatasetID, plan: h5p.PropDCID, shape: tuple[int, ...], itemsize: int
    ) -> int:
        """How many bytes a dataset comes to, all of which were found to be there."""
        size, held = math.prod(shape) * itemsize, len(self._data)
        if is_bomb(size, held):
            raise _Refused(f"claims {size} bytes, of which a file of {held} bytes cannot hold enough")
        layout = plan.get_layout()
        if layout == h5d.CHUNKED:
            problem = chunks_problem(dataset, plan, shape, itemsize, self._data)
            if problem is not None:
                raise _Refused(problem)
        elif layout == h5d.COMPACT and size > _COMPACT_BYTES:
            raise _Refused(f"claims {size} bytes in the header, which holds {_COMPACT_BYTES} at most")
        elif layout == h5d.CONTIGUOUS and size:
            offset = dataset.get_offset()
            if offset is None or dataset.get_storage_size() != size or offset + size > held:
                raise _Refused(
                    f"claims {size} bytes that are not in the file, which was cut or never finished"
                )
        return size

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        try:
            with _faults(f"{self._where}: dataset {name}"):
                yield
        except _Refused as error:
            raise SourceError(
                f"{self._where}: dataset {name} {error}; expected plain numbers in the file itself: "
                "replace the file, from where you trust it"
            ) from None


@contextmanager
def open_hdf5(data: bytes, where: str) -> Iterator[Hdf5]:
    """Open the bytes of a file; nothing else is ever opened, whatever they say.

    Args:
        where: what error messages call it.
    Raises:
        SourceError: it is no HDF5 file, or a damaged one.
    """
    if not data.startswith(_SIGNATURE):
        raise SourceError(f"{where}: no HDF5 file by its first bytes; replace the file")
    with _faults(where):
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fileobj_driver(h5fd.fileobj_driver, _Bytes(data))
        file = h5py.File(h5f.open(b"file", h5f.ACC_RDONLY, fapl=access))
    try:
        with _faults(where):
            creation = file.id.get_create_plist()
            if creation.get_userblock() or creation.get_sizes() != (8, 8):
                raise ValueError("it starts within another file, or has addresses that are not of 8 bytes")
            root = h5g.open(file.id, b"/")
        yield Hdf5(root, data, where)
    finally:
        file.close()


def hdf5_bytes(datasets: Mapping[str, NDArray[Any] | str]) -> bytes:
    """A file with these datasets in its root, texts of variable length; the same make the same bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=_VERSIONS) as file:
        for name, value in datasets.items():
            if isinstance(value, str):
                made = file.create_dataset(name, (1,), h5py.string_dtype(), track_times=False)
                made[0] = value
            else:
                file.create_dataset(name, data=value, track_times=False)
    return buffer.getvalue()


@contextmanager
def _faults(where: str) -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except _FAULTS as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:_LONGEST_REASON]
        raise SourceError(f"{where}: HDF5 cannot read it ({reason}); replace the file") from None
