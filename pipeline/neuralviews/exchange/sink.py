"""Where exports go: a folder or a zip archive, there whole or not at all."""

import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from ..errors import OutputError
from ..store.files import make_folder, output_errors, require_writable, sync_folder
from ..store.schema import TEMP_PREFIX

__all__ = ["Sink", "add_stored", "open_sink"]

_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that zip archives can state: the same records make the same bytes whenever they are
exported."""
_MODE = 0o100644 << 16


class Sink(Protocol):
    """Takes files one after another, each whole."""

    def add(self, name: str, data: bytes) -> None:
        """Write a file under a relative path with '/'."""
        ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[str] = set()

    def add(self, name: str, data: bytes) -> None:
        folder = name.rpartition("/")[0]
        if folder not in self._made:
            (self._root / folder).mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        with open(self._root / name, "xb") as file:
            file.write(data)


class _Zip:
    """Files are stored, not packed: weights hardly shrink, and reading them is then a copy."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes) -> None:
        add_stored(self._archive, name, data)


def add_stored(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a file that is not packed; its name and its bytes alone decide what the archive holds of it."""
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr = _MODE
    info.create_system = 3
    archive.writestr(info, data)


@contextmanager
def open_sink(out: Path, needed: int) -> Iterator[Sink]:
    """A sink whose files appear under ``out`` at the end, all at once; after an error nothing is there.

    Args:
        out: an archive if its name ends in ``.zip``, else a folder; it must not exist, or be empty.
        needed: bytes that will be written, roughly, so that a full disk is told of at once.
    Raises:
        OutputError: there is something already, or it cannot be written.
    """
    from ..store.space import require_room

    _require_free(out)
    make_folder(out.parent)
    require_room(out.parent, needed)
    temp = out.with_name(f"{TEMP_PREFIX}{out.name}-{secrets.token_hex(8)}")
    try:
        with output_errors(out):
            if _is_archive(out):
                with zipfile.ZipFile(temp, "x", zipfile.ZIP_STORED) as archive:
                    yield _Zip(archive)
                _sync(temp)
            else:
                temp.mkdir()
                yield _Folder(temp)
                os.sync()  # a sync for each of many small files would take longer than the export
            _require_free(out)
            os.rename(temp, out)
        sync_folder(out.parent)
    except BaseException:
        _remove(temp)
        raise


def _require_free(out: Path) -> None:
    if _is_archive(out) and os.path.lexists(out):
        raise OutputError(f"{out}: there is such a file already; remove it, or take another name")
    if not _is_archive(out) and os.path.lexists(out):
        with output_errors(out):
            empty = not os.listdir(out)
        if not empty:
            raise OutputError(f"{out}: found files, expected no such folder, or an empty one: take another")
        require_writable(out)


def _is_archive(out: Path) -> bool:
    return out.suffix.lower() == ".zip"


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(temp: Path) -> None:
    if temp.is_dir():
        shutil.rmtree(temp, ignore_errors=True)
    else:
        with suppress(OSError):
            temp.unlink()
