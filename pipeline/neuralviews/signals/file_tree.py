"""The files below a folder or in an archive, named alike: paths relative to it, with '/'."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import SourceError
from .hashing import sha256_of
from .places import is_file

__all__ = ["FileTree", "FolderTree", "walk"]


class FileTree(Protocol):
    """Files to read in place. Folders and files whose names start with a dot are none of it.

    Attributes:
        names: of all files, in any order.
    """

    @property
    def names(self) -> list[str]: ...

    def describe(self, name: str) -> str:
        """What an error message calls a file; of the whole tree, the one with the empty name."""
        ...

    def read(self, name: str) -> bytes:
        """All bytes of a file, or a SourceError that says why not."""
        ...

    def sha256(self, name: str) -> str:
        """SHA-256 of the bytes of a file, hexadecimal."""
        ...


@dataclass(frozen=True)
class FolderTree:
    """Files below a folder.

    Args:
        content: what is expected there, as "images".
        most: bytes of a file that is read; None: any.
    """

    folder: Path
    content: str
    most: int | None = None

    @property
    def names(self) -> list[str]:
        return list(walk(self.folder, self.content))

    def describe(self, name: str) -> str:
        return str(self.folder / name)

    def read(self, name: str) -> bytes:
        self._require_fit(name)
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise SourceError(
                f"{self.describe(name)}: cannot be read ({error.strerror}); expected a source file"
            ) from None

    def sha256(self, name: str) -> str:
        self._require_fit(name)
        return sha256_of(self.folder / name)

    def _require_fit(self, name: str) -> None:
        if self.most is None:
            return
        size = 0
        with suppress(OSError):  # of which reading tells
            size = (self.folder / name).stat().st_size
        if size > self.most:
            raise SourceError(
                f"{self.describe(name)}: found {size} bytes, expected at most {self.most}: leave it out"
            )


def walk(folder: Path, content: str) -> Iterator[str]:
    """Paths of files relative to ``folder``, with '/', in any order; see `FileTree`.

    Raises:
        SourceError: a folder cannot be read, a link leads to a folder or out of ``folder``, something is no
            regular file, or a name is no text, so that no store could state it.
    """

    def unreadable(error: OSError) -> None:
        raise SourceError(
            f"{error.filename}: cannot be read ({error.strerror}); expected a folder of {content}"
        )

    inside = os.path.realpath(folder)
    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [name for name in files if not name.startswith(".")]
        for name in (*folders, *files):
            path = Path(place, name)
            if os.path.islink(path) and (name in folders or not _lies_in(path, inside)):
                raise SourceError(
                    f"{path}: a link to a folder or out of {folder}; expected files inside: copy them there"
                )
        for path in (Path(place, name) for name in files):
            relative = path.relative_to(folder).as_posix()
            if not is_file(path) and path.exists():  # to read a pipe would wait for ever
                raise SourceError(f"{path}: no regular file; expected files of {content}: move it elsewhere")
            try:
                relative.encode()
            except UnicodeEncodeError:
                raise SourceError(f"{path}: the name is not UTF-8, expected one that is: rename it") from None
            yield relative


def _lies_in(link: Path, folder: str) -> bool:
    """Whether a link leads to something in a folder; one that leads to itself does, and cannot be read."""
    return Path(os.path.realpath(link)).is_relative_to(folder)
