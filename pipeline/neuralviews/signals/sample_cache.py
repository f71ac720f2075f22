"""Samples of shapes kept beside a store, by what they follow from: made once, shared by all views."""

import io
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..store.canonical import canonical_json, sha256_hex
from .samples import GRID, Repairs, ShapeFacts, ShapeSamples, ShapeTarget

__all__ = ["SampleCache", "content_key"]

_IN_MEMORY = 64
_ARRAYS: dict[str, tuple[str, tuple[int | str, ...]]] = {  # equal names are equal lengths
    "key": ("|u1", (32,)),
    "points": ("<f4", ("points", 3)),
    "distance": ("<f4", ("points",)),
    "check_points": ("<f4", ("checks", 3)),
    "check_distance": ("<f4", ("checks",)),
    "occupancy": ("|u1", (GRID**3 // 8,)),
    "facts": ("<f8", (2 + len(Repairs._fields),)),
}


def content_key(facts: Mapping[str, Any]) -> str:
    """The name of what follows from ``facts``, plain JSON values: their SHA-256."""
    return sha256_hex(canonical_json(facts))


@dataclass(frozen=True)
class SampleCache:
    """A folder of files that may be removed at any time; a file that is damaged counts as none.

    Args:
        folder: made when something is kept; None keeps the latest in memory.
    """

    folder: Path | None
    _latest: dict[str, ShapeSamples] = field(default_factory=dict, repr=False, compare=False)

    def find(self, key: str) -> ShapeSamples | None:
        """What was kept under a key; None if nothing was, or if a byte or the name of the file changed."""
        if self.folder is None:
            return self._latest.get(key)
        try:
            image = self._path(self.folder, key).read_bytes()
            with np.load(io.BytesIO(image), allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in _ARRAYS}  # zip files have a checksum of every array
            return _unpacked(key, arrays)
        except Exception:  # damaged files fail in many ways, and all mean the same
            return None

    def keep(self, key: str, samples: ShapeSamples) -> None:
        """Keep samples under a key; readers see the whole file or none.

        Raises:
            OutputError: the folder cannot be written.
        """
        if self.folder is None:
            if len(self._latest) == _IN_MEMORY:
                self._latest.pop(next(iter(self._latest)))
            self._latest[key] = samples
            return
        facts = [samples.facts.disagreement, float(samples.facts.target), *map(float, samples.facts.repairs)]
        names = ("points", "distance", "check_points", "check_distance")
        arrays = {name: getattr(samples, name) for name in names}
        arrays |= {
            "key": _key_bytes(key),
            "occupancy": np.packbits(samples.occupancy),
            "facts": np.array(facts),
        }
        image = io.BytesIO()
        np.savez(image, **arrays)
        path = self._path(self.folder, key)
        temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(image.getvalue())
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
        except OSError as error:
            raise OutputError(
                f"{self.folder}: samples of shapes cannot be kept there ({error.strerror}); "
                "free space or make it writable"
            ) from error

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / f"{key}.npz"


def _key_bytes(key: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(key), np.uint8)


def _unpacked(key: str, arrays: dict[str, NDArray[Any]]) -> ShapeSamples:
    """The samples in the arrays of a file, or a ValueError if they are not what is kept under ``key``."""
    lengths: dict[int | str, int] = {}
    for name, (dtype, shape) in _ARRAYS.items():
        found = arrays[name]
        expected = [
            lengths.setdefault(wanted, length) if isinstance(wanted, str) else wanted
            for length, wanted in zip(found.shape, shape, strict=True)
        ]
        if found.dtype != np.dtype(dtype) or [*found.shape] != expected:
            raise ValueError(f"{name}: found {found.dtype} {found.shape}, expected {dtype} {expected}")
    if not np.array_equal(arrays.pop("key"), _key_bytes(key)):
        raise ValueError("kept under another key")
    disagreement, target, *repairs = arrays.pop("facts").tolist()
    if not 0 <= disagreement <= 1:
        raise ValueError(f"disagreement: found {disagreement}, expected 0 to 1")
    facts = ShapeFacts(disagreement, ShapeTarget(target), Repairs(*map(int, repairs)))
    occupancy = np.unpackbits(arrays.pop("occupancy")).astype(np.bool_).reshape(GRID, GRID, GRID)
    return ShapeSamples(**arrays, occupancy=occupancy, facts=facts)
