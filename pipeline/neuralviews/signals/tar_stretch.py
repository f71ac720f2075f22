"""A compressed tar archive, decompressed once and for all, so that its files can be read in any order."""

import bz2
import fcntl
import gzip
import lzma
import os
import secrets
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..errors import SourceError
from ..store.files import output_errors
from ..store.schema import TEMP_PREFIX
from ..store.space import require_room
from .tar_headers import is_tar
from .zip_tree import MAX_RATIO

__all__ = ["COMPRESSIONS", "stretched"]

MAX_STRETCHED = 2**40
"""Bytes of an archive, decompressed."""

_PREFIX = f"{TEMP_PREFIX}tar-"
_TRUSTED = 2**24
"""Bytes for which no ratio counts: small archives are mostly padding."""
_BLOCK = 2**20
_STRIDE = 2**28
"""Bytes that must be free before as many more are written: how many will come is not known."""
_FAULTS = (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError)

_Opener = Callable[[Path], Any]

COMPRESSIONS: dict[bytes, _Opener] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""First bytes of a compressed file -> what opens it."""


def stretched(path: Path, scratch: Path | None) -> tuple[Path, int] | None:
    """The archive without compression, as a new file that the caller removes; None if it has none.

    What processes that were killed have left in ``scratch`` is removed: nobody holds a lock on it.

    Returns:
        The file, and a descriptor to close once it is not needed any more, which holds a lock until then.
    Raises:
        OutputError: there is no room for it in ``scratch``.
        SourceError: it cannot be read, is damaged, is no tar archive, is larger than an honest one, or
            ``scratch`` is None.
    """
    try:
        with path.open("rb") as file:
            head, packed = file.read(6), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); expected a tar archive") from None
    opener = next((found for start, found in COMPRESSIONS.items() if head.startswith(start)), None)
    if opener is None:
        return None
    if scratch is None:
        raise SourceError(
            f"{path}: found a compressed archive, which has to be decompressed to be read in any order; "
            "name a folder for that, or decompress it yourself"
        )
    _remove_abandoned(scratch)
    require_room(scratch, packed, "decompress the archive elsewhere")
    plain = scratch / f"{_PREFIX}{secrets.token_hex(8)}"
    with output_errors(plain):
        fd = os.open(plain, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a file system without locks: nothing there is ever taken for abandoned
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        _stretch(path, opener, packed, plain, fd)
    except BaseException:
        with suppress(OSError):
            plain.unlink()
        os.close(fd)
        raise
    return plain, fd


def _remove_abandoned(scratch: Path) -> None:
    for plain in scratch.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            fd = os.open(plain, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                plain.unlink()
            finally:
                os.close(fd)


def _stretch(path: Path, opener: _Opener, packed: int, plain: Path, fd: int) -> None:
    most = min(MAX_STRETCHED, max(_TRUSTED, MAX_RATIO * packed))
    written = roomy = 0
    with opener(path) as file:
        while block := _next_block(path, file):
            if not written and not is_tar(block):
                raise SourceError(f"{path}: found a compressed file that is no tar archive, expected one")
            written += len(block)
            if written > most:
                raise SourceError(
                    f"{path}: found more than {most} bytes packed into {packed}, expected at most "
                    f"{MAX_RATIO} times as many: do not trust this archive, or decompress it yourself"
                )
            if written > roomy:
                require_room(plain.parent, _STRIDE, "decompress the archive elsewhere")
                roomy = written + _STRIDE
            with output_errors(plain):
                rest = memoryview(block)
                while rest:
                    rest = rest[os.write(fd, rest) :]
    if not written:
        raise SourceError(f"{path}: found a compressed file that is empty, expected a tar archive")


def _next_block(path: Path, file: IO[bytes]) -> bytes:
    try:
        return file.read(_BLOCK)
    except _FAULTS as error:
        raise SourceError(f"{path}: cannot be decompressed ({error}); replace the archive") from None
