"""Files in a tar archive, read in place; an archive that could fool those who unpack it is refused."""

import os
import weakref
from contextlib import suppress
from pathlib import Path

from ..errors import SourceError
from ..store.canonical import sha256_hex
from .member_names import is_ignored, is_unsafe, refused_member
from .positioned import PositionedFile
from .tar_headers import DamagedTar, Member, members
from .tar_stretch import stretched
from .zip_tree import MAX_BYTES

__all__ = ["MAX_MEMBERS", "TarTree"]

MAX_MEMBERS = 1 << 23
"""Files of an archive: empty ones pack to almost nothing, and each takes memory."""


class TarTree:
    """Files in a folder of a tar archive; see `FileTree`. Folders ``__MACOSX`` are left out too.

    All names in the archive are looked at, whatever is read of it. A compressed archive is decompressed once,
    as one file that is removed with the last tree of this process that reads it. Trees may be used after a
    fork; a pickled copy opens the same file for itself, and does not outlive it.

    Args:
        path: of the archive; compressed with gzip, bzip2 or xz, or not.
        folder: within it, with '/' at the end, or empty.
        scratch: a folder with room for all of a compressed archive.
    Raises:
        OutputError: there is no room for it.
        SourceError: it is no tar archive, is damaged, or holds a name or a kind of member that no honest
            one does; or it is compressed, and there is no ``scratch``.
    """

    def __init__(self, path: Path, folder: str = "", scratch: Path | None = None) -> None:
        found = stretched(path, scratch)
        if found is None:
            self._archive = _Archive(path, path)
        else:
            plain, lock = found
            self._archive = _Archive(path, plain, lock)
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[Path, Path, str]]:
        return _copy, (self._archive.path, self._archive.plain, self._folder)

    def below(self, folder: str) -> "TarTree":
        """The files in a folder of the archive."""
        return _tree(self._archive, folder)

    def holds(self, folder: str) -> bool:
        """Whether a file of the archive lies in this folder, which ends with '/'."""
        return any(name.startswith(folder) for name in self._archive.members)

    @property
    def names(self) -> list[str]:
        start = len(self._folder)
        below = [name[start:] for name in self._archive.members if name.startswith(self._folder)]
        return [name for name in below if not is_ignored(name)]

    def describe(self, name: str) -> str:
        return str(self._archive.path / self._folder / name)

    def sha256(self, name: str) -> str:
        return sha256_hex(self.read(name))

    def read(self, name: str) -> bytes:
        start, size = self._archive.members[self._folder + name]
        if size > MAX_BYTES:
            raise SourceError(
                f"{self.describe(name)}: found {size} bytes, expected at most {MAX_BYTES}: leave it out"
            )
        try:
            data = self._archive.file.read(size, start)
        except OSError as error:
            raise SourceError(
                f"{self.describe(name)}: cannot be read ({error.strerror}); replace the archive"
            ) from None
        if len(data) != size:
            raise SourceError(
                f"{self.describe(name)}: found {len(data)} bytes, expected {size}: "
                "the archive was cut since it was opened; replace it"
            )
        return data


class _Archive:
    """An open archive, with the place of every file in it.

    Attributes:
        path: as users know it.
        plain: the same without compression.
        members: name -> (start, size).

    Args:
        lock: descriptor that holds ``plain``, which is then removed at the end; None if it is not ours.
    """

    def __init__(self, path: Path, plain: Path, lock: int | None = None) -> None:
        self.path, self.plain = path, plain
        if lock is not None:
            # A child of a fork must not take away what its parent reads.
            weakref.finalize(self, _remove, plain, lock, os.getpid())
        try:
            self.file = PositionedFile(plain)
        except OSError as error:
            raise SourceError(f"{plain}: cannot be read ({error.strerror}); expected a tar archive") from None
        self.members: dict[str, tuple[int, int]] = {}
        self._folders: set[str] = set()
        try:
            for member in members(self.file):
                self._add(member)
        except (DamagedTar, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"{path}: no tar archive that can be read ({reason}); replace it") from None

    def _add(self, member: Member) -> None:
        try:
            name = member.name.decode()
        except UnicodeDecodeError:
            raise refused_member(self.path, member.name, "a name that is not UTF-8") from None
        if name in (".", "./") and member.kind == "folder":
            return
        name = name.removeprefix("./")
        if is_unsafe(name):
            reason = "an unsafe name"
        elif member.kind == "other":
            reason = "a link, a device or a sparse file"
        elif name.rstrip("/") in self.members or name.rstrip("/") in self._folders:
            reason = "twice there"
        elif member.kind == "folder":
            self._folders.add(name.rstrip("/"))
            return
        elif name.endswith("/"):
            reason = "a file with the name of a folder"
        elif len(self.members) == MAX_MEMBERS:
            reason = f"more than {MAX_MEMBERS} of them"
        else:
            self.members[name] = member.start, member.size
            return
        raise refused_member(self.path, name, reason)


def _tree(archive: _Archive, folder: str) -> TarTree:
    tree = TarTree.__new__(TarTree)
    tree._archive, tree._folder = archive, folder
    return tree


def _copy(path: Path, plain: Path, folder: str) -> TarTree:
    return _tree(_Archive(path, plain), folder)


def _remove(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:
        with suppress(OSError):
            path.unlink()
    os.close(lock)
