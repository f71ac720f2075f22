"""Files of a store: opened without following links, published whole or not at all.

A name is given to a file only when all its bytes are on disk (temporary file, fsync, link, fsync of the
folder), and is never given twice. Source: the orderings that survive crashes in Pillai et al., "All File
Systems Are Not Created Equal" (OSDI 2014), section 4.
"""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import IntegrityError, OutputError, StoreError, UnsafeShard
from .schema import QUARANTINE_PREFIX, TEMP_PREFIX

__all__ = [
    "Buffer",
    "DifferentBytes",
    "file_sha256",
    "is_leftover",
    "link_new",
    "make_folder",
    "open_regular",
    "output_errors",
    "publish",
    "read_whole",
    "remove_leftovers",
    "replace",
    "require_writable",
    "sha256_of",
    "sync_folder",
    "sync_name",
    "unreadable",
]

Buffer = bytes | memoryview

_READ = os.O_RDONLY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe that somebody put in a shard's place would wait for ever.
_READ_FILE = _READ | os.O_NOFOLLOW | os.O_NONBLOCK
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_NO_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}
_ATTEMPTS = 100
_SHORTAGES = {
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "the system has too many files open; close some programs",
    errno.ENOMEM: "allow more memory or more maps (ulimit -v, sysctl vm.max_map_count)",
}


class DifferentBytes(Exception):
    """A file of this name is there already, with other bytes, of this ``sha256``."""

    def __init__(self, name: str, sha256: str) -> None:
        super().__init__(name)
        self.sha256 = sha256


@contextmanager
def open_regular(root: Path, name: str) -> Iterator[int]:
    """A read-only descriptor of a regular file below ``root``; no link below it is followed.

    Raises:
        IntegrityError: there is no such file, or it cannot be read.
        StoreError: this process has too many files open.
        UnsafeShard: the name, or a folder on the way, is a link or no regular file.
    """
    try:
        fd = _open_below(root, name)
    except FileNotFoundError:
        raise IntegrityError(f"{root / name}: missing; restore it, or make the store again") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UnsafeShard(
                f"{root / name}: a link, expected the file itself; copy it into the store"
            ) from None
        raise unreadable(root / name, "opened", error) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UnsafeShard(f"{root / name}: not a regular file; copy the file itself into the store")
        yield fd
    finally:
        os.close(fd)


def _open_below(root: Path, name: str) -> int:
    *folders, last = name.split("/")
    folder = os.open(root, _READ | os.O_DIRECTORY)
    try:
        for part in folders:
            inner = os.open(part, _READ | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(last, _READ_FILE, dir_fd=folder)
    finally:
        os.close(folder)


def unreadable(path: Path, action: str, error: OSError) -> StoreError:
    """The error for a file that the system will not let us read: its fault, or for want of room ours."""
    reason = f"{path}: cannot be {action} ({error.strerror})"
    hint = _SHORTAGES.get(error.errno or 0)
    return StoreError(f"{reason}; {hint}") if hint else IntegrityError(reason)


def read_whole(root: Path, name: str, limit: int) -> bytes:
    """All bytes of a small file.

    Raises:
        IntegrityError: it is missing or longer than ``limit`` bytes.
    """
    data = bytearray()
    with open_regular(root, name) as fd:
        # Not all at once: room for the whole limit would be set aside for the smallest file.
        while len(data) <= limit and (part := os.read(fd, min(1 << 20, limit + 1 - len(data)))):
            data += part
    if len(data) > limit:
        raise IntegrityError(
            f"{root / name}: longer than {limit} bytes, which no store needs; restore the file"
        )
    return bytes(data)


def file_sha256(fd: int) -> str:
    """sha256 of a file from its start, by its descriptor."""
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb", buffering=0, closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(root: Path, name: str) -> str:
    """sha256 of a file; FileNotFoundError if it has gone."""
    try:
        with open_regular(root, name) as fd:
            return file_sha256(fd)
    except IntegrityError:
        (root / name).lstat()
        raise


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while ``path`` is written into an OutputError that names it."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "finished files are intact, put this right and run the same command again"
        ) from error


def make_folder(path: Path) -> None:
    """Create a folder and its parents durably; one that is there is fine."""
    with output_errors(path):
        if path.is_dir():
            return
        make_folder(path.parent)
        with suppress(FileExistsError):
            path.mkdir()
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        _sync_folder(path.parent)


def publish(root: Path, name: str, parts: Sequence[Buffer], sha256: str) -> None:
    """Give bytes their final name: all of them durably, or none; an existing file is never replaced.

    A file of the same bytes is adopted, so writers of the same thing all succeed.

    Args:
        parts: the bytes, in pieces; ``sha256`` is of all of them.
    Raises:
        DifferentBytes: a file of this name holds other bytes.
        OutputError: the file system refused; nothing has the final name because of this call, or all of it.
    """
    final = root / name

    def give_name(temp: Path) -> None:
        try:
            link_new(temp, final)
        except FileExistsError:
            found = sha256_of(root, name)
            if found != sha256:
                raise DifferentBytes(name, found) from None

    with output_errors(final):
        _through_temp(final, parts, give_name)
        _sync_folder(final.parent)


def replace(root: Path, name: str, data: bytes) -> None:
    """Write a file that may change: readers see the old bytes or the new, never a mixture."""
    final = root / name
    with output_errors(final):
        _through_temp(final, [data], lambda temp: os.rename(temp, final))
        _sync_folder(final.parent)


def require_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made.

    Raises:
        OutputError: names the folder and what the system says.
    """
    with output_errors(folder):
        _write_temp(folder / "probe", []).unlink(missing_ok=True)


def is_leftover(entry: str) -> bool:
    """Whether a file name is a temporary or quarantined one, which readers ignore."""
    return entry.startswith((TEMP_PREFIX, QUARANTINE_PREFIX))


def remove_leftovers(folder: Path) -> None:
    """Remove temporary and quarantined files of earlier, interrupted runs, as far as that is possible.

    Readers ignore what is left, folders of such names among it, so nothing here is an error.
    """
    with suppress(OSError):
        for entry in sorted(os.listdir(folder)):
            if is_leftover(entry):
                with suppress(OSError):
                    (folder / entry).unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, whoever gave them."""
    with output_errors(folder):
        _sync_folder(folder)


def sync_name(folder: Path) -> None:
    """Make a folder's own name durable, unless the folder that holds it cannot be read."""
    with output_errors(folder), suppress(PermissionError):
        _sync_folder(Path(os.path.realpath(folder)).parent)


def _through_temp(final: Path, parts: Sequence[Buffer], give_name: Callable[[Path], None]) -> None:
    """Write a temporary file and have it given its name; none is left, whatever happens.

    A process that finishes the same store collects all temporary files, ours included, so one that
    vanished before it had its name is written again; likewise when ``give_name`` misses another file
    (FileNotFoundError) that was there a moment ago.
    """
    for _ in range(_ATTEMPTS):
        temp = _write_temp(final, parts)
        try:
            give_name(temp)
        except FileNotFoundError:
            continue
        finally:
            with suppress(OSError):
                temp.unlink()
        return
    raise OSError(errno.EBUSY, "temporary files vanish while they are written")


def _write_temp(final: Path, parts: Sequence[Buffer]) -> Path:
    temp = final.with_name(f"{TEMP_PREFIX}{final.name}-{secrets.token_hex(8)}")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            for part in parts:
                rest = memoryview(part).cast("B")
                while rest:
                    rest = rest[os.write(fd, rest) :]
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
        raise
    return temp


def link_new(temp: Path, final: Path) -> None:
    """Give a file a second, final name; FileExistsError if that is taken."""
    try:
        os.link(temp, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links a check and a rename must do. Between the two another writer may publish; it
        # loses its file to ours, which holds the same bytes unless the fit was not deterministic.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        temp.rename(final)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, _READ | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:  # some mounts (CIFS, 9p, FUSE) sync files and have no such thing for folders
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(fd)
