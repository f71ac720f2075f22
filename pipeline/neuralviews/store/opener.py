"""The strict opener: says where a shard's datasets lie, and refuses whatever no writer of ours makes.

HDF5 can be made to read other files (external storage, external links, virtual datasets), to inflate a
kilobyte into gigabytes, or to walk in circles. So only what was proven by hash is opened, HDF5 sees the
proven descriptor and never a path, the shape of the tree is compared with the only one there is, and
datasets are not read through HDF5 at all: their offsets are taken, and the file is mapped.
"""

import math
import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5fd, h5g, h5i, h5l, h5o, h5p, h5s, h5t

from ..errors import UnsafeShard
from .job import Job
from .manifest import extent_problem
from .manifest_schema import Extent
from .schema import attributes, groups_of

__all__ = ["inspect_shard"]

# Superblock of version 0: signature, versions, sizes of offsets and lengths, group parameters, flags, then
# base address, free-space address, end of file, driver information (HDF5 File Format Specification, II.A).
_SUPERBLOCK = struct.Struct("<8s8B2HI4Q")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1


class _Refused(Exception):
    """Why a shard is refused, without its name."""


def inspect_shard(fd: int, path: Path, job: Job, shard: int) -> dict[str, Extent]:
    """Where each dataset of a shard lies, by HDF5 path; the bytes must have been proven by hash before.

    Args:
        fd: descriptor of the shard; it is all that is read.
        path: names the shard in errors.
    Raises:
        UnsafeShard: the file is anything but a shard of this job and number.
    """
    try:
        _check_superblock(fd)
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fileobj_driver(h5fd.fileobj_driver, _Descriptor(fd))
        with h5py.File(h5f.open(b"shard", h5f.ACC_RDONLY, fapl=access)) as file:
            extents = _inspect(h5g.open(file.id, b"/"), job, shard)
        problem = extent_problem(extents, os.fstat(fd).st_size)
        if problem:
            raise _Refused(problem)
    except _Refused as error:
        reason = str(error)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:  # what h5py raises on bad files
        reason = f"HDF5 cannot read it ({error})"
    else:
        return extents
    raise UnsafeShard(
        f"{path}: refused, {reason}; no neuralviews writes such a file, get it from a source you trust"
    )


class _Descriptor:
    """A read-only file for HDF5 that reads one descriptor, whatever HDF5 finds in it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, os.fstat(self._fd).st_size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        # Positions are what the file says: some are beyond what the system takes for a place in a file.
        if self._position + len(buffer) > os.fstat(self._fd).st_size:
            raise OSError("it points beyond its end")
        data = os.pread(self._fd, len(buffer), self._position)
        if len(data) != len(buffer):
            raise OSError("it was cut short")
        buffer[:] = data
        self._position += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def _check_superblock(fd: int) -> None:
    data = os.pread(fd, _SUPERBLOCK.size, 0)
    if len(data) < _SUPERBLOCK.size or not data.startswith(_SIGNATURE):
        raise _Refused("no HDF5 signature at its start")
    fields = _SUPERBLOCK.unpack(data)
    if fields[1] != 0:
        raise _Refused(f"superblock version {fields[1]}, expected 0")
    base, _, end, driver = fields[-4:]
    if (base, end, driver) != (0, os.fstat(fd).st_size, _UNDEFINED):
        raise _Refused("its superblock states another base, end or driver")


def _inspect(root: h5g.GroupID, job: Job, shard: int) -> dict[str, Extent]:
    types, shapes = job.layout.types(), job.layout.shapes(len(job.row_range(shard)))
    _require_links(root, {path.split("/")[0] for path in types}, "/")
    groups = {"": root}
    for name in groups_of(types):
        groups[name] = group = _open(root, name, h5i.GROUP)
        _require_links(group, {path.split("/")[1] for path in types if path.startswith(f"{name}/")}, name)
        _require_attributes(group, {}, name)
    _require_attributes(root, attributes(job.id, job.arch, shard, job.row_range(shard).start), "/")
    extents = {}
    for path, dtype in types.items():
        folder, _, name = path.rpartition("/")
        dataset = _open(groups[folder], name, h5i.DATASET)
        _require_attributes(dataset, {}, path)
        extents[path] = _extent(dataset, path, dtype, shapes[path])
    return extents


def _require_links(group: h5g.GroupID, names: Collection[str], where: str) -> None:
    """Exactly these names, each a hard link, in this group."""
    if len(group) != len(names):
        raise _Refused(f"{len(group)} links in {where}, expected {len(names)}")
    for name in names:
        if name.encode() not in group:
            raise _Refused(f"no {name} in {where}")
        if group.links.get_info(name.encode()).type != h5l.TYPE_HARD:
            raise _Refused(f"{name} in {where} is a link to elsewhere")


def _open(group: h5g.GroupID, name: str, kind: int) -> Any:
    found = h5o.open(group, name.encode())
    if h5i.get_type(found) != kind:
        raise _Refused(f"{name} is not a {'group' if kind == h5i.GROUP else 'dataset'}")
    return found


def _require_attributes(owner: Any, expected: dict[str, np.ndarray[Any, Any]], where: str) -> None:
    """Exactly these attributes with exactly these types and values."""
    if h5a.get_num_attrs(owner) != len(expected):
        raise _Refused(f"{h5a.get_num_attrs(owner)} attributes on {where}, expected {len(expected)}")
    for name, value in expected.items():
        if not h5a.exists(owner, name.encode()):
            raise _Refused(f"no attribute {name} on {where}")
        attribute = h5a.open(owner, name.encode())
        if attribute.get_space().get_simple_extent_type() != h5s.SCALAR:
            raise _Refused(f"attribute {name} is not a scalar")
        if not attribute.get_type().equal(h5t.py_create(value.dtype)):
            raise _Refused(f"attribute {name} has another type or length than {value.dtype}")
        found = np.empty_like(value)
        attribute.read(found)
        if found != value:
            raise _Refused(f"attribute {name} is {found.item()!r}, expected {value.item()!r}")


def _extent(dataset: h5d.DatasetID, path: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Extent:
    """Where a dataset lies, once it is plain bytes in this very file."""
    storage = dataset.get_create_plist()
    if storage.get_layout() != h5d.CONTIGUOUS:
        raise _Refused(f"{path} is not contiguous (chunked, compact or virtual)")
    if storage.get_external_count():
        raise _Refused(f"{path} lies in another file")
    if storage.get_nfilters():
        raise _Refused(f"{path} is filtered")
    kind = dataset.get_type()
    if kind.committed() or not kind.equal(h5t.py_create(dtype, logical=True)):
        raise _Refused(f"{path} has another type than {dtype.str}")
    space = dataset.get_space()
    found = space.get_simple_extent_dims()
    if found != shape or space.get_simple_extent_dims(True) != shape:
        raise _Refused(f"{path} has the shape {found}, expected {shape}, of fixed size")
    size = math.prod(shape) * dtype.itemsize
    offset = dataset.get_offset()
    if offset is None or dataset.get_storage_size() != size:
        raise _Refused(f"{path} has no storage of {size} bytes")
    return Extent(offset, dtype.str, shape)
