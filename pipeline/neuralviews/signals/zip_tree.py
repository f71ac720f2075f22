"""Files in a zip archive, read in place; an archive that could fool those who unpack it is refused."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SourceError
from ..store.canonical import sha256_hex
from .member_names import is_ignored, is_unsafe, refused_member
from .positioned import PositionedFile

__all__ = ["ZipTree"]

MAX_BYTES = 2**30
"""Of a file, unpacked."""

MAX_RATIO = 1000
"""Of the sizes of a file unpacked and packed; deflate reaches 1032, on zeros."""

_HEADER = struct.Struct("<4s22xHH")
"""Of a member, before its name: signature, sizes of the name and of what follows it."""

_FIELD = struct.Struct("<HH")
"""Of what follows the name, before each part: kind, size."""

_UNICODE_PATH = 0x7075

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
        with self._faults("", "no zip archive that can be read", "replace it, or download it again"):
            self._file = PositionedFile(path)
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
                start = min((member.header_offset for member in members), default=archive.start_dir)
            if start:  # of an archive that was cut, an archive stored within it may be the last thing left
                raise zipfile.BadZipFile(f"it ends as one that begins at byte {start}: cut short or damaged")
        self._check(members)
        # Not `filename`, which Python takes from another field since 3.12: one that nothing here looks at.
        files = (member for member in members if not member.orig_filename.endswith("/"))
        self._members = {member.orig_filename: member for member in files}

    def __reduce__(self) -> tuple[type["ZipTree"], tuple[Path, str]]:
        return ZipTree, (self._path, self._folder)

    def below(self, folder: str) -> "ZipTree":
        """The files in a folder of the archive."""
        tree = ZipTree.__new__(ZipTree)
        tree._path, tree._folder = self._path, folder
        tree._file, tree._members = self._file, self._members  # there may be a million of them
        return tree

    def holds(self, folder: str) -> bool:
        """Whether a file of the archive lies in this folder, which ends with '/'."""
        return any(name.startswith(folder) for name in self._members)

    @property
    def names(self) -> list[str]:
        start = len(self._folder)
        below = [name[start:] for name in self._members if name.startswith(self._folder)]
        return [name for name in below if not is_ignored(name)]

    def describe(self, name: str) -> str:
        return str(self._path / self._folder / name)

    def sizes(self, name: str) -> tuple[int, int]:
        """Bytes of a file, unpacked and packed, as the archive states them."""
        member = self._members[self._folder + name]
        return member.file_size, member.compress_size

    def sha256(self, name: str) -> str:
        return sha256_hex(self.read(name))

    def read(self, name: str) -> bytes:
        member = self._members[self._folder + name]
        if reason := _unfit(member):
            raise SourceError(f"{self.describe(name)}: {reason}")
        remedy = "replace the archive"
        with self._faults(name, "cannot be unpacked", remedy):
            data = self._unpacked(member)
        if len(data) != member.file_size:
            raise SourceError(
                f"{self.describe(name)}: found {len(data)} bytes, "
                f"expected {member.file_size} as the archive says: {remedy}"
            )
        return data

    def _unpacked(self, member: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, no more than it states.

        Not by way of zipfile, whose objects take ten times as long as small files do, and have a lock that a
        forked process may find locked for ever. Source: PKWARE's APPNOTE.TXT, section 4.3.7.
        """
        header = self._file.read(_HEADER.size, member.header_offset)
        signature, name_size, extra_size = _HEADER.unpack(header)
        if signature != b"PK\3\4":
            raise zipfile.BadZipFile("Bad magic number for file header")
        start = member.header_offset + _HEADER.size
        name = self._file.read(name_size, start).decode("utf-8" if member.flag_bits & 0x800 else "cp437")
        if name != member.orig_filename:
            raise zipfile.BadZipFile(f"its own header calls it {name!r}")
        data = self._file.read(member.compress_size, start + name_size + extra_size)
        if member.compress_type == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.file_size + 1)
        if zlib.crc32(data) != member.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.orig_filename!r}")
        return data

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
            if is_unsafe(name):
                reason = "an unsafe name"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                reason = "a link or a device"
            elif name.rstrip("/") in seen:
                reason = "twice there"
            elif _has_odd_path(member.extra):
                reason = "a damaged Unicode Path, a second name"
            else:
                seen.add(name.rstrip("/"))
                continue
            raise refused_member(self._path, name, reason)


def _has_odd_path(extra: bytes) -> bool:
    """Whether an Info-ZIP Unicode Path among a member's extra fields is cut short or no UTF-8.

    Python opens no such archive since 3.12. Source: PKWARE's APPNOTE.TXT, section 4.6.9.
    """
    while len(extra) >= _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        field, extra = extra[_FIELD.size :][:size], extra[_FIELD.size + size :]
        if kind == _UNICODE_PATH and (len(field) < 5 or not _is_utf8(field[5:])):
            return True
    return False


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unfit(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not to be unpacked."""
    if member.flag_bits & 0x2041:
        return "found an encrypted member, expected plain ones: pack the archive without a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"found compression method {member.compress_type}, expected stored or deflated: pack it so"
    if (largest := max(member.file_size, member.compress_size)) > MAX_BYTES:
        return f"found {largest} bytes, expected at most {MAX_BYTES}: leave it out"
    if member.file_size > MAX_RATIO * member.compress_size:
        return (
            f"found {member.file_size} bytes packed into {member.compress_size}, "
            f"expected at most {MAX_RATIO} times as many: leave it out"
        )
    return None
