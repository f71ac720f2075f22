"""Checksums of a file: those that were promised, and those that it has."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError, OptionError
from ..store.files import replace

__all__ = ["Digests", "Pins", "Sums", "promised", "record_path", "sums_of", "write_record"]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_RECORD = re.compile(r"\\?([0-9a-fA-F]{64})(?: [ *].*)?\n?", re.ASCII | re.DOTALL)
_BLOCK = 2**20


@dataclass(frozen=True)
class Sums:
    """Size in bytes and checksums, hexadecimal; ``md5`` is empty where nobody asks for it."""

    size: int
    sha256: str
    md5: str


class Digests:
    """Checksums of bytes as they come."""

    def __init__(self, *, md5: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._size = 0

    def update(self, block: bytes) -> None:
        self._sha256.update(block)
        self._size += len(block)
        if self._md5 is not None:
            self._md5.update(block)

    def extend(self, fd: int) -> None:
        """Go on with the bytes of a file from where this one stands, to the end of the file."""
        while block := os.pread(fd, _BLOCK, self._size):
            self.update(block)

    def sums(self) -> Sums:
        return Sums(self._size, self._sha256.hexdigest(), "" if self._md5 is None else self._md5.hexdigest())


@dataclass(frozen=True)
class Pins:
    """What the bytes have to be, as far as it is known beforehand; None where it is not.

    Attributes:
        source: who says so of ``sha256``.
    """

    sha256: str | None
    md5: str | None
    size: int | None
    source: str

    @property
    def known(self) -> bool:
        """Whether a checksum tells the right bytes from others."""
        return self.sha256 is not None or self.md5 is not None

    def fault(self, found: Sums) -> str | None:
        """What is wrong with bytes of these sums, if anything is."""
        if self.size is not None and found.size != self.size:
            return f"found {found.size} bytes, expected {self.size}"
        if self.sha256 is not None and found.sha256 != self.sha256:
            return f"found sha256 {found.sha256}, expected {self.sha256}{self.source}"
        if self.md5 is not None and found.md5 != self.md5:
            return f"found md5 {found.md5}, expected {self.md5}"
        return None


def promised(target: Path, sha256: str | None, md5: str | None, size: int | None) -> Pins:
    """What a caller promises of a file, or else what is recorded from the first time that it was fetched.

    Raises:
        FetchError: the record cannot be read.
        OptionError: a sum or a size that cannot be.
    """
    sums = []
    for name, value, form in (("sha256", sha256, _SHA256), ("md5", md5, _MD5)):
        sums.append(value.lower() if value is not None else None)
        if value is not None and not form.fullmatch(value.lower()):
            digits = 64 if name == "sha256" else 32
            raise OptionError(f"{name}: found {value!r}, expected {digits} hexadecimal digits")
    if size is not None and size < 0:
        raise OptionError(f"size: found {size}, expected the bytes of a file, at least 0")
    if sums == [None, None] and (recorded := _read_record(target)) is not None:
        source = (
            f" as recorded in {record_path(target)} when it was first fetched "
            "(remove that record if the file was changed on purpose)"
        )
        return Pins(recorded, None, size, source)
    return Pins(sums[0], sums[1], size, "")


def sums_of(path: Path, *, md5: bool) -> Sums:
    """Checksums of a file.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        digests = Digests(md5=md5)
        digests.extend(fd)
        return digests.sums()
    finally:
        os.close(fd)


def record_path(target: Path) -> Path:
    """The file that keeps the sha256 of one that was fetched without a promise, for ``sha256sum -c``."""
    return target.with_name(f"{target.name}.sha256")


def write_record(target: Path, sha256: str) -> None:
    """Record the sha256 of a file beside it, durably.

    Raises:
        OutputError: the file system refused.
    """
    name = target.name.replace("\\", "\\\\").replace("\n", "\\n")  # as sha256sum escapes them
    start = "\\" if name != target.name else ""
    replace(target.parent, record_path(target).name, os.fsencode(f"{start}{sha256}  {name}\n"))


def _at_once(path: str, flags: int) -> int:
    """Opens a file, and a pipe that somebody put in its place too, without waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read_record(target: Path) -> str | None:
    path = record_path(target)
    try:
        with open(path, "rb", opener=_at_once) as file:
            text = os.fsdecode(file.read(2**14))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be read ({error.strerror}); expected the sha256 of {target.name}"
        ) from None
    match = _RECORD.fullmatch(text)
    if match is None:
        raise FetchError(
            f"{path}: found {text[:80]!r}, expected the sha256 of {target.name} as sha256sum writes it; "
            "remove or restore this file"
        )
    return match[1].lower()
