"""Files in a zip archive, read in place; an archive that could fool those who unpack it is refused."""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SourceError
from ..store.canonical import sha256_hex

__all__ = ["ZipTree"]

MAX_BYTES = 2**30
"""Of a file, unpacked."""

MAX_RATIO = 1000
"""Of the sizes of a file unpacked and packed; deflate reaches 1032, on zeros."""

_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, OverflowError, MemoryError),  # what zipfile lets through of damaged fields
)


class ZipTree:
    """Files in a folder of a zip archive; see `FileTree`. Folders ``__MACOSX`` are left out too.

    All names in the archive are looked at, whatever is read of it; nothing is ever written.

    Args:
        path: of the archive.
        folder: within it, with '/' at the end, or empty.
    Raises:
        SourceError: it is no zip archive, is damaged, or holds a name or a kind of member that no honest
            one does.
    """

    def __init__(self, path: Path, folder: str = "") -> None:
        self._path = path
        self._folder = folder
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        with self._faults("", "no zip archive that can be read", "replace it"):
            members = self._archive().infolist()
        self._check(members)
        self._members = {member.filename: member for member in members if not member.is_dir()}

    def __reduce__(self) -> tuple[type["ZipTree"], tuple[Path, str]]:
        return ZipTree, (self._path, self._folder)

    def below(self, folder: str) -> "ZipTree":
        """The files in a folder of the archive."""
        return ZipTree(self._path, folder)

    def holds(self, folder: str) -> bool:
        """Whether a file of the archive lies in this folder, which ends with '/'."""
        return any(name.startswith(folder) for name in self._members)

    @property
    def names(self) -> list[str]:
        start = len(self._folder)
        below = [name[start:] for name in self._members if name.startswith(self._folder)]
        return [name for name in below if not any(map(_is_ignored, name.split("/")))]

    def describe(self, name: str) -> str:
        return str(self._path / self._folder / name)

    def sha256(self, name: str) -> str:
        return sha256_hex(self.read(name))

    def read(self, name: str) -> bytes:
        member = self._members[self._folder + name]
        if reason := _unfit(member):
            raise SourceError(f"{self.describe(name)}: {reason}")
        remedy = "replace the archive"
        with self._faults(name, "cannot be unpacked", remedy), self._archive().open(member) as file:
            data = file.read(member.file_size)  # zipfile stops there, and compares the checksum
        if len(data) != member.file_size:
            raise SourceError(
                f"{self.describe(name)}: found {len(data)} bytes, "
                f"expected {member.file_size} as the archive says: {remedy}"
            )
        return data

    def _archive(self) -> zipfile.ZipFile:
        """The archive, opened once a process: after a fork, parent and child would share its position."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), zipfile.ZipFile(self._path)
        return self._opened[1]

    @contextmanager
    def _faults(self, name: str, problem: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SourceError(f"{self.describe(name)}: {problem} ({reason}); {remedy}") from None

    def _check(self, members: list[zipfile.ZipInfo]) -> None:
        seen: set[str] = set()
        for member in members:
            name = member.orig_filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if "\0" in name or "\\" in name or re.match("[A-Za-z]:", name) or _leads_out(name):
                reason = "an unsafe name"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                reason = "a link or a device"
            elif name.rstrip("/") in seen:
                reason = "twice there"
            else:
                seen.add(name.rstrip("/"))
                continue
            raise SourceError(
                f"{self._path}: found the member {name!r}, {reason}, expected files with relative paths; "
                "nothing was read: pack the archive again from files that you trust"
            )


def _is_ignored(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def _leads_out(name: str) -> bool:
    return any(part in ("", ".", "..") for part in name.removesuffix("/").split("/"))


def _unfit(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not to be unpacked."""
    if member.flag_bits & 0x2041:
        return "found an encrypted member, expected plain ones: pack the archive without a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"found compression method {member.compress_type}, expected stored or deflated: pack it so"
    if member.file_size > MAX_BYTES:
        return f"found {member.file_size} bytes, expected at most {MAX_BYTES}: leave it out"
    if member.file_size > MAX_RATIO * member.compress_size:
        return (
            f"found {member.file_size} bytes packed into {member.compress_size}, "
            f"expected at most {MAX_RATIO} times as many: leave it out"
        )
    return None
