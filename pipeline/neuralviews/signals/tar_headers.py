"""The members of a tar archive, from its headers: ustar, and what GNU tar and pax add to it.

Own code because it has to be quick (archives have hundreds of thousands of members) and stricter than tools
that unpack: what two readers could take for different things is refused. Source: POSIX.1-2017, pax, "ustar
Interchange Format" and "pax Header Block"; the GNU tar manual, "Basic Tar Format".
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from .positioned import PositionedFile

__all__ = ["BLOCK", "DamagedTar", "Member", "is_tar", "members"]

BLOCK = 512
MAX_NAME = 2**16
"""Bytes of a GNU header that holds a long name."""
MAX_RECORDS = 2**20
"""Bytes of a pax header."""

_WINDOW = 2**20
_FILES = b"\x0007"
_FOLDER, _LONG_NAME, _LONG_LINK, _RECORDS, _GLOBAL = b"5", b"L", b"K", b"x", b"g"
_END = bytes(BLOCK)


class DamagedTar(Exception):
    """The bytes are no tar archive, or not all of one; the text says why."""


class Member(NamedTuple):
    """A member of an archive.

    Attributes:
        name: as it stands there, with '/' at the end of folders.
        kind: ``file``, ``folder`` or ``other``: a link, a device, a sparse file, or what only one tool knows.
        start, size: of its bytes in the archive.
    """

    name: bytes
    kind: str
    start: int
    size: int


def is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a tar archive, or is an empty one, by its first 512 bytes."""
    return len(head) >= BLOCK and (head[:BLOCK] == _END or _sum_is_right(head[:BLOCK]))


def members(file: PositionedFile) -> Iterator[Member]:
    """All members of an archive, in order.

    Raises:
        DamagedTar: a header is none, or a member ends behind the end of the archive.
    """
    blocks = _Blocks(file)
    long_name: bytes | None = None
    records: dict[bytes, bytes] = {}
    while (header := blocks.header()) is not None:
        kind, size, start = header[156:157], _number(header[124:136]), blocks.at
        if kind in (_LONG_NAME, _LONG_LINK, _RECORDS, _GLOBAL):
            data = blocks.data(size, MAX_NAME if kind in (_LONG_NAME, _LONG_LINK) else MAX_RECORDS)
            if kind == _LONG_NAME:
                long_name = data.rstrip(b"\0")
            elif kind == _RECORDS:
                records.update(_parse_records(data))
            elif kind == _GLOBAL and not {b"path", b"size"}.isdisjoint(_parse_records(data)):
                raise DamagedTar("one header names all files or sizes alike")
            continue
        name = records.get(b"path", long_name)
        if name is None:
            name = _short_name(header)
        if b"size" in records:
            size = _decimal(records[b"size"])
        yield _member(name, kind, start, size, sparse=any(key.startswith(b"GNU.sparse") for key in records))
        blocks.skip(size)
        long_name, records = None, {}
    if long_name is not None or records:
        raise DamagedTar("a header has no member after it")


def _member(name: bytes, kind: bytes, start: int, size: int, *, sparse: bool) -> Member:
    if sparse:
        return Member(name, "other", start, size)
    if kind == _FOLDER or (kind == b"\0" and name.endswith(b"/")):
        if size:
            raise DamagedTar(f"the folder {name[:100]!r} has a size")
        return Member(name, "folder", start, 0)
    return Member(name, "file" if kind in _FILES else "other", start, size)


class _Blocks:
    """The archive from header to header, read through a window: most headers are near the one before."""

    def __init__(self, file: PositionedFile) -> None:
        self._file, self._size = file, os.fstat(file.fd).st_size
        self._window, self._window_at = b"", 0
        self.at = 0

    def header(self) -> bytes | None:
        """The next header; None at the end mark of the archive."""
        inside = self.at - self._window_at
        if not 0 <= inside <= len(self._window) - BLOCK:
            self._window, self._window_at, inside = self._file.read(_WINDOW, self.at), self.at, 0
        header = self._window[inside : inside + BLOCK]
        if len(header) < BLOCK:
            raise DamagedTar(f"it ends after {self._size} bytes without the mark of its end")
        if header == _END:
            return None
        if not _sum_is_right(header):
            raise DamagedTar(f"there is no header at byte {self.at}")
        self.at += BLOCK
        return header

    def data(self, size: int, most: int) -> bytes:
        """The bytes that belong to a header."""
        if size > most:
            raise DamagedTar(f"a header at byte {self.at} of {size} bytes, expected at most {most}")
        start = self.at
        self.skip(size)
        return self._file.read(size, start)

    def skip(self, size: int) -> None:
        if size < 0 or self.at + size > self._size:
            raise DamagedTar(
                f"a member at byte {self.at} has {size} bytes, and the archive {self._size} in all"
            )
        self.at += -(-size // BLOCK) * BLOCK


def _sum_is_right(header: bytes) -> bool:
    try:
        stated = _number(header[148:156])
    except DamagedTar:
        return False
    found = sum(header) - sum(header[148:156]) + 8 * 32
    if found == stated:
        return True
    # Some old writers add signed bytes.
    return found - 256 * sum(b > 127 for b in header[:148] + header[156:]) == stated


def _number(field: bytes) -> int:
    """An octal number, or a binary one as GNU tar writes those that are too large for that."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            raise DamagedTar("a negative number")
        return value
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if digits.strip(b"01234567"):  # int() takes signs, underscores and prefixes too
        raise DamagedTar(f"found {field!r}, expected an octal number")
    return int(digits or b"0", 8)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        raise DamagedTar(f"found the size {text[:40]!r}, expected a number")
    return int(text)


def _short_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    # Only POSIX has a prefix there: GNU tar keeps times in its place.
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _parse_records(data: bytes) -> dict[bytes, bytes]:
    """Lines ``length key=value``, where the length is that of the whole line."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 8].split(b" ", 1)[0]
        end = at + int(digits) if digits.isdigit() else 0
        line = data[at + len(digits) + 1 : end]
        key, equals, value = line.partition(b"=")
        if end <= at or end > len(data) or not equals or not value.endswith(b"\n"):
            raise DamagedTar("a pax header that cannot be read")
        records[key] = value[:-1]
        at = end
    return records
