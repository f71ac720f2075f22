"""Files of torch.save, read by ``torch.load(weights_only=True)`` alone, and fast where many are alike.

A dataset has hundreds of thousands of files whose pickles are the same to the byte: they name the same
tensors in the same places, and only the numbers, which lie outside the pickle, differ. Such a pickle is given
to torch once more with numbers that count the places, and what comes out says where every number of every
file goes. So no pickle is ever interpreted by anything but torch, and few of them are.
"""

import io
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError, printable
from .pickles import require_plain
from .torch_contents import Contents, flattened

__all__ = ["TorchFiles"]

_PICKLE = "data.pkl"
_KEPT = 64
"""Pickles whose places are remembered, and as many that were seen once."""
_COUNTABLE = 1 << 24
"""float32 tells integers apart up to here."""
_LONGEST_REASON = 200
_OPERAND = "Unsupported operand"
"""Torch's words for a step of a pickle that it does not take."""
_MANUAL = "Check the documentation"
_LITTLE = zlib.crc32(b"little")


@dataclass(frozen=True)
class _Places:
    """Of every tensor, where its numbers lie in the storages of a file, which are counted through.

    Attributes:
        storages: name of each below the root, which is named after the file, and its bytes.
        tensors: name -> places of its numbers, and its shape.
    """

    storages: tuple[tuple[str, int], ...]
    tensors: Mapping[str, tuple[slice | NDArray[np.int64], tuple[int, ...]]]
    others: Mapping[str, Any]


class _PassedOver:
    """Stands for whatever a pickle makes under an allowed name."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class TorchFiles:
    """Reads files one after another, and remembers what their pickles mean.

    Args:
        passed_over: full names of what else a pickle may hold, such as arrays of NumPy: nobody looks at these
            values, and they are not made. (To have NumPy make them would be unsafe: states that no NumPy ever
            wrote make it read memory anywhere.)
        varying: an entry whose value, a whole number from 0, is another in each file and does not matter: it
            is read as 0, so that such pickles are the same too.
    """

    def __init__(self, passed_over: Sequence[str] = (), varying: str | None = None) -> None:
        self._passed_over = (*passed_over,)
        self._varying = None if varying is None else _number_after(varying)
        self._known: OrderedDict[bytes, _Places | None] = OrderedDict()

    def read(self, data: bytes, where: str) -> Contents:
        """The contents of one file.

        Args:
            where: what an error message calls it.
        Raises:
            SourceError: it is no file of torch.save, is damaged, or its pickle wants to run code.
        """
        with _faults(where):
            archive = _archive(data, where)
            if archive is None:
                return self._load(data, None, where)
            root = _root(archive)
            pickled = own = archive.read(f"{root}/{_PICKLE}")
            if self._varying is not None:
                pickled = self._varying.sub(rb"\1K\0", own)
            places = self._known.get(pickled)
            if places is None and pickled in self._known and not _is_big_endian(archive):
                places = self._learn(archive, root, pickled, where)
            self._remember(pickled, places)
            if places is None or not places.storages or _is_big_endian(archive):
                return self._load(_packed(_members(archive)), own, where)
            return _filled(archive, root, places)

    def _remember(self, pickled: bytes, places: _Places | None) -> None:
        self._known[pickled] = places
        self._known.move_to_end(pickled)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def _load(self, data: bytes, pickled: bytes | None, where: str) -> Contents:
        """What a whole file holds; ``pickled`` is the pickle in it, None if all of it is pickles."""
        import torch

        require_plain(data if pickled is None else pickled, where, self._passed_over, legacy=pickled is None)
        allowed: list[Any] = [(_PassedOver, name) for name in self._passed_over]
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged pickles; whatever matters is raised
            try:
                found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            except pickle.UnpicklingError as error:
                raise SourceError(f"{where}: {_refused(error)}") from None
        return flattened(found, len(data), where)

    def _learn(self, archive: zipfile.ZipFile, root: str, pickled: bytes, where: str) -> _Places | None:
        """Have torch put counted numbers where a file's own would go; None if they are not float32."""
        members = _members(archive)
        sizes = {name: len(data) for name, data in members.items() if name.startswith(f"{root}/data/")}
        if sum(sizes.values()) // 4 > _COUNTABLE or any(size % 4 for size in sizes.values()):
            return None
        counted = np.arange(sum(sizes.values()) // 4).astype("<f4").tobytes()
        start = 0
        for name, size in sizes.items():
            members[name] = counted[start : start + size]
            start += size
        members[f"{root}/{_PICKLE}"] = pickled
        contents = self._load(_packed(members), pickled, where)
        if any(tensor.dtype != np.float32 for tensor in contents.tensors.values()):
            return None
        tensors = {name: (_places(tensor), tensor.shape) for name, tensor in contents.tensors.items()}
        storages = tuple((name.removeprefix(f"{root}/"), size) for name, size in sizes.items())
        return _Places(storages, tensors, contents.others)


def _places(counted: NDArray[np.float32]) -> slice | NDArray[np.int64]:
    """Places of numbers; a slice where one follows another, which hardly takes room or time."""
    places = counted.astype(np.int64).reshape(-1)
    start = int(places[0]) if len(places) else 0
    alike = np.array_equal(places, np.arange(start, start + len(places)))
    return slice(start, start + len(places)) if alike else places


def _filled(archive: zipfile.ZipFile, root: str, places: _Places) -> Contents:
    """The numbers of a file in the places that its pickle gives them."""
    parts = []
    for name, size in places.storages:
        part = archive.read(f"{root}/{name}")
        if len(part) != size:
            raise ValueError(f"storage {name} has {len(part)} bytes, another file of the same pickle {size}")
        parts.append(part)
    numbers = np.frombuffer(b"".join(parts), "<f4")
    tensors = {name: numbers[place].reshape(shape) for name, (place, shape) in places.tensors.items()}
    return Contents(tensors, places.others)


def _archive(data: bytes, where: str) -> zipfile.ZipFile | None:
    """The zip archive that a file is since torch 1.6; older ones are pickles as a whole."""
    if not data.startswith(b"PK\x03\x04"):
        return None
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    if len({*names}) != len(names):
        raise ValueError("a member is there twice")
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise SourceError(
            f"{where}: found packed numbers, expected plain ones as torch.save writes them: replace the file"
        )
    if sum(member.file_size for member in archive.infolist()) > len(data):
        raise ValueError("its members claim more bytes than it has")
    return archive


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """All members, whose checksums are proven by it: torch does not look at them."""
    return {name: archive.read(name) for name in archive.namelist()}


def _packed(members: Mapping[str, bytes]) -> bytes:
    """An archive that states nothing but these members: torch and zipfile may read a damaged one apart."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def _root(archive: zipfile.ZipFile) -> str:
    """The folder that all members lie in: torch names it after the file, or ``archive`` if it has no name."""
    parts = [name.partition("/") for name in archive.namelist()]
    found = [part[0] for part in parts if part[2].lower() == _PICKLE]  # others may look it up in any case
    if len(found) != 1:
        raise ValueError(f"found {len(found)} members {_PICKLE}, expected one")
    return found[0]


def _number_after(key: str) -> re.Pattern[bytes]:
    """A key in a pickle of protocol 2, and after it a whole number of one, two or four bytes.

    Where these bytes stand for something else, a pickle is taken for one that torch reads just as safely.
    """
    text = key.encode()
    start = re.escape(b"X" + struct.pack("<I", len(text)) + text + b"q") + b"."
    return re.compile(b"(" + start + b")(?:K.|M..|J...[\0-\x7f])", re.DOTALL)


def _is_big_endian(archive: zipfile.ZipFile) -> bool:
    orders = [member for member in archive.infolist() if member.filename.endswith("/byteorder")]
    return any(member.CRC != _LITTLE for member in orders)  # quicker than to read it


def _refused(error: pickle.UnpicklingError) -> str:
    """Why torch would not load a pickle, in a line.

    Torch's own text says how to load it all the same, which is left out.
    """
    parts = [part for part in str(error).split("\n\n") if part.strip() and not part.startswith(_MANUAL)]
    reason = printable(" ".join((parts or [""])[-1].split()))[:_LONGEST_REASON]
    if _OPERAND in reason:
        reason += ": it is no pickle, or one that makes other things than tensors and plain values"
    return f"refused by torch ({reason}); expected a state dict of torch.save"


_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, pickle.UnpicklingError),
    *(ValueError, RuntimeError, OverflowError, MemoryError, KeyError, TypeError, IndexError, AttributeError),
    AssertionError,
)
"""What torch and zipfile raise on damaged files."""


@contextmanager
def _faults(where: str) -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except _FAULTS as error:
        reason = printable(" ".join(str(error).split()) or type(error).__name__)[:_LONGEST_REASON]
        raise SourceError(
            f"{where}: cannot be read ({reason}); expected a state dict of torch.save: replace the file"
        ) from None
