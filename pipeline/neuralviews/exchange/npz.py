"""Fields stacked by layer in NumPy's archives of arrays; see `stacked`.

``fields.npz``, or ``fields-00000-of-00003.npz`` and so on. Conventions are a text, in the array
``neuralviews``. No array is ever unpickled.
"""

import io
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import SourceError
from ..signals.member_names import is_unsafe
from .claims import is_bomb
from .files import Files
from .format import Hints, Parse
from .listing import Listing
from .sink import add_stored
from .stacked import META, Stated, stated_of
from .stacked_files import export_stacked, found_file, listing_of, parser_with

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "NumPy's npz, fields stacked by layer"
LOOKS_FOR = "*.npz"

_SUFFIX = ".npz"
_MOST_MEMBERS = 4096
_LONGEST_HEADER = 10_000
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError),
    *(ValueError, RuntimeError, OverflowError, MemoryError, KeyError, TypeError, SyntaxError, RecursionError),
    tokenize.TokenError,
)
"""What zipfile and NumPy raise on damaged files."""


def detect(files: Files) -> str | None:
    """See `Format`."""
    return found_file(files, _SUFFIX)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    return listing_of(files, hints, _SUFFIX, _read)


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_with(_read)


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`."""
    return export_stacked(taken, sink, "npz", _written)


def _read(data: bytes, where: str) -> tuple[dict[str, NDArray[Any]], Stated | None]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _require_honest(archive.infolist(), len(data))
            arrays = {
                member.filename.removesuffix(".npy"): _array(_unpacked(archive, member))
                for member in archive.infolist()
            }
    except _FAULTS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{where}: no archive of NumPy's that can be read ({reason[:200]}); replace the file"
        ) from None
    meta = arrays.pop(META, None)
    return arrays, None if meta is None else stated_of(_text(meta, where), where)


def _require_honest(members: list[zipfile.ZipInfo], held: int) -> None:
    names = [member.filename for member in members]
    if len(names) > _MOST_MEMBERS or len({*names}) != len(names):
        raise ValueError(f"{len(names)} members, expected at most {_MOST_MEMBERS}, none of them twice")
    for member in members:
        if is_unsafe(member.orig_filename) or "/" in member.filename or not member.filename.endswith(".npy"):
            raise ValueError(f"a member {member.filename[:80]!r}, expected names such as weights.npy")
        if (
            member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            or member.flag_bits & 0x2041
        ):
            raise ValueError(f"{member.filename[:80]!r} packed or encrypted otherwise than NumPy does")
    claimed = sum(member.file_size for member in members)
    if is_bomb(claimed, held):
        raise ValueError(f"it claims {claimed} bytes, in a file of {held}")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, and not a byte beyond what it claims: zipfile inflates all it can, unless told
    how much is wanted.
    """
    with archive.open(member) as file:
        return file.read(member.file_size + 1)  # beyond the end, so that the checksum is looked at


def _array(data: bytes) -> NDArray[Any]:
    """The array of an ``.npy`` file, uncopied: NumPy would set its claimed size aside before it reads."""
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of version {version}, expected 1.0 or 2.0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that Python 2 wrote
        shape, by_columns, dtype = readers[version](file, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject or dtype.kind not in "iufSU":
        raise ValueError(f"an array of {dtype}, expected plain numbers")
    left = len(data) - file.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != left:
        raise ValueError(f"an array {shape} of {dtype} in {left} bytes")
    found = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    found = found.reshape(shape[::-1]).T if by_columns else found.reshape(shape)
    return found.astype(dtype.newbyteorder("="), copy=False)


def _text(meta: NDArray[Any], where: str) -> bytes:
    if meta.ndim != 0 or meta.dtype.kind not in "SU":
        raise SourceError(
            f"{where}: {META}: found {meta.dtype} {meta.shape}, expected one text: replace the file"
        )
    value = meta[()]
    return bytes(value) if meta.dtype.kind == "S" else str(value).encode()


def _written(arrays: Mapping[str, NDArray[Any]], meta: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {**arrays, META: np.array(meta)}.items():
            member = io.BytesIO()
            npy.write_array(member, array, (1, 0), allow_pickle=False)
            add_stored(archive, f"{name}.npy", member.getvalue())
    return buffer.getvalue()
