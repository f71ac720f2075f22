"""Shards in memory: bytes proven by their hash, then mapped through the same descriptor."""

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IntegrityError
from .files import file_sha256, open_regular
from .manifest_schema import Extent, ShardEntry
from .memory_map import map_file
from .schema import WEIGHTS

__all__ = ["ShardMaps", "dataset_view", "require_bytes", "require_size"]

_REMEDY = "restore it, or remove it and run the command that made the store again"

_proven: set[tuple[int | str, ...]] = set()
"""Files whose hash this process has found right: their identity, times and the hash."""


class ShardMaps:
    """The shards of a store, each mapped when it is first needed and never before its hash is right.

    Copies made by pickling or forking share nothing but the files: pickling drops the maps, forking
    inherits them, and both are read-only.
    """

    def __init__(self, root: Path, entries: tuple[ShardEntry, ...]) -> None:
        # Shards may be mapped long after the store was opened, by when the current folder may be another.
        self.root = root.absolute()
        self.entries = entries
        self._arrays: dict[int, Mapping[str, NDArray[Any]]] = {}
        self._weight_bytes: dict[int, memoryview] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arrays": {}, "_weight_bytes": {}}

    def array(self, shard: int, path: str) -> NDArray[Any]:
        """A dataset of a shard, read-only, by its HDF5 path.

        Raises:
            IntegrityError: the file is missing, or its size or hash is wrong; every time it is asked for.
        """
        if shard not in self._arrays:
            self._arrays[shard] = self._mapped(shard)
        return self._arrays[shard][path]

    def passing(self, shard: int) -> Mapping[str, NDArray[Any]]:
        """All datasets of a shard, read-only; where it is not mapped yet, for as long as they are in use.

        Raises:
            IntegrityError: as `array`.
        """
        return self._arrays[shard] if shard in self._arrays else self._mapped(shard)

    def weight_bytes(self, shards: Iterable[int]) -> Mapping[int, memoryview]:
        """The weights of at least these shards as bytes, by shard; refuses what `array` refuses."""
        for shard in set(shards).difference(self._weight_bytes):
            self._weight_bytes[shard] = self.array(shard, WEIGHTS).data.cast("B")
        return self._weight_bytes

    def _mapped(self, shard: int) -> Mapping[str, NDArray[Any]]:
        entry = self.entries[shard]
        with open_regular(self.root, entry.file) as fd:
            _require_bytes_once(fd, self.root / entry.file, entry.bytes, entry.sha256)
            mapping = map_file(fd, self.root / entry.file, entry.bytes)
        return {path: dataset_view(mapping, extent) for path, extent in entry.datasets.items()}


def dataset_view(mapping: memoryview, extent: Extent) -> NDArray[Any]:
    """The array that lies at an extent of a mapped file, read-only."""
    flat = np.frombuffer(mapping, np.dtype(extent.dtype), math.prod(extent.shape), extent.offset)
    return flat.reshape(extent.shape)


def require_size(fd: int, path: Path, size: int) -> None:
    """Refuse a file of another size with an IntegrityError."""
    found = os.fstat(fd).st_size
    if found != size:
        raise IntegrityError(f"{path}: found {found} bytes, expected {size}; {_REMEDY}")


def require_bytes(fd: int, path: Path, size: int, sha256: str) -> None:
    """Refuse a file unless its size and sha256 are right, now.

    Raises:
        IntegrityError: names the file, what was found and what was expected.
    """
    require_size(fd, path, size)
    found = file_sha256(fd)
    if found != sha256:
        raise IntegrityError(f"{path}: found sha256 {found}, expected {sha256}; {_REMEDY}")


def _require_bytes_once(fd: int, path: Path, size: int, sha256: str) -> None:
    """`require_bytes`, which a process repeats only when the file has changed or was refused."""
    identity = _identity(fd, sha256)
    if identity not in _proven:
        require_bytes(fd, path, size, sha256)
        _proven.add(identity)


def _identity(fd: int, sha256: str) -> tuple[int | str, ...]:
    # The change time too: a program that edits a file and sets its modification time back cannot set it.
    status = os.fstat(fd)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, sha256)
