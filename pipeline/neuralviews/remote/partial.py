"""A file that has arrived in part, kept beside its final name so that any later process can go on with it."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import OutputError, StoreError
from ..store.canonical import canonical_json, parse_canonical
from ..store.files import link_new, output_errors, read_whole, replace, sync_folder
from .sums import Digests, Sums

__all__ = ["PartialFile", "Version", "remove_remains"]

_LONGEST_NOTE = 1 << 16


@dataclass(frozen=True)
class Version:
    """Which file the bytes belong to.

    Attributes:
        link: where all of them are from; None if they are from several places, so that only a checksum of the
            whole can tell whether they belong together.
        validator: names the version of the file at this link; None if nothing does.
        length: of the whole file, if it is known.
    """

    link: str | None
    validator: str | None
    length: int | None


class PartialFile:
    """``<target>.part``, locked by the process that fills it, and ``<target>.part.json``, its `Version`.

    The file only ever grows by bytes of the version that is written down, and is emptied before another is;
    so whatever a killed process leaves can be gone on with. Entering waits until no other process fills it.

    Args:
        md5: whether `sums` has that one too.
    Raises:
        OutputError: the file system refused; what has arrived stays.
    """

    def __init__(self, target: Path, *, md5: bool) -> None:
        self._target, self._md5 = target, md5
        self.path, self._note = _names(target)
        self._fd, self._finished = -1, False
        self._digests: Digests | None = None
        self.size, self.most = 0, 0
        self.version: Version | None = None

    def __enter__(self) -> Self:
        with output_errors(self.path):
            self._fd = _locked(self.path)
            self.size = self.most = os.fstat(self._fd).st_size
        self.version = self._read_note()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.size and not self._finished:  # nothing to go on with
            for path in (self._note, self.path):
                with suppress(OSError):
                    path.unlink()
        os.close(self._fd)

    def rest(self, link: str, *, pinned: bool) -> tuple[int, str | None]:
        """From where a link can go on, and the validator of the only version it may go on with.

        Args:
            pinned: whether a checksum will tell; then bytes of other places and versions serve too.
        """
        version = self.version
        if version is None or (version.length is not None and self.size > version.length):
            return 0, None
        if version.link == link and version.validator is not None:
            return self.size, version.validator
        return (self.size if pinned else 0), None

    def is_whole(self, link: str, *, pinned: bool) -> bool:
        """Whether all bytes are there, of a version that this link may stand for."""
        version = self.version
        return version is not None and version.length == self.size and (pinned or self.is_of(link))

    def is_of(self, link: str) -> bool:
        """Whether all bytes are from this link."""
        return self.version is not None and self.version.link == link

    def restart(self, version: Version) -> None:
        """Forget all bytes; what comes now belongs to ``version``."""
        self.empty()
        if version != self.version:
            replace(self._target.parent, self._note.name, canonical_json(asdict(version)))
            self.version = version

    def mix(self) -> None:
        """Go on with bytes from elsewhere: from now on only a checksum can tell what this is."""
        assert self.version is not None
        mixed = Version(None, None, self.version.length)
        if mixed != self.version:
            replace(self._target.parent, self._note.name, canonical_json(asdict(mixed)))
            self.version = mixed

    def append(self, block: bytes) -> None:
        """Add bytes at the end."""
        digests, rest = self._hashed(), memoryview(block)
        with output_errors(self.path):
            while rest:
                written = os.write(self._fd, rest)
                self.size += written
                rest = rest[written:]
        digests.update(block)
        self.most = max(self.most, self.size)

    def head(self, count: int) -> bytes:
        """The first bytes, ``count`` of them at most."""
        with output_errors(self.path):
            return os.pread(self._fd, count, 0)

    def sums(self) -> Sums:
        return self._hashed().sums()

    def empty(self) -> None:
        """Throw all bytes away, durably, before any others are written down as being here."""
        with output_errors(self.path):
            if self.size:
                os.ftruncate(self._fd, 0)
                os.fsync(self._fd)
        self.size, self._digests = 0, None

    def finish(self) -> bool:
        """Give the file its final name, durably; False if that is taken."""
        with output_errors(self._target):
            os.fsync(self._fd)
            try:
                link_new(self.path, self._target)
            except FileExistsError:
                return False
            with suppress(FileNotFoundError):  # where there are no hard links it was renamed
                self.path.unlink()
            self._note.unlink(missing_ok=True)
            self._finished = True
        sync_folder(self._target.parent)
        return True

    def _hashed(self) -> Digests:
        """The digests of all bytes that are there; those from before are read once more."""
        if self._digests is None:
            self._digests = Digests(md5=self._md5)
            with output_errors(self.path):
                self._digests.extend(self._fd)
        return self._digests

    def _read_note(self) -> Version | None:
        """What is written down; None if that is nothing, or damaged: then the bytes are of no use."""
        try:
            data = read_whole(self._note.parent, self._note.name, _LONGEST_NOTE)
            version = Version(**parse_canonical(data, self._note))
        except (OSError, StoreError, TypeError):
            return None
        fits = isinstance(version.link, str | None) and isinstance(version.validator, str | None)
        return version if fits and isinstance(version.length, int | None) else None


def remove_remains(target: Path) -> None:
    """Remove what a process left that was killed just after it gave the file its final name."""
    part, note = _names(target)
    with suppress(OSError):
        if part.exists():
            if not part.samefile(target):
                return
            part.unlink()
        note.unlink(missing_ok=True)


def _names(target: Path) -> tuple[Path, Path]:
    return target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")


def _locked(path: Path) -> int:
    """The file of this name, made if need be, once no other process has it locked."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "no regular file; remove it")
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            except OSError as error:
                raise OutputError(
                    f"{path}: cannot be locked ({error.strerror}), so that two processes could write it at "
                    "once; fetch into a folder on a local disk"
                ) from None
            # Whoever had it may have given it its final name, or removed it; then this is another file.
            with suppress(FileNotFoundError):
                now = os.stat(path, follow_symlinks=False)
                if os.path.samestat(now, found):
                    if now.st_nlink <= 1:  # some file systems do not count
                        return fd
                    # A process that was killed then had finished it, and its user moved it: no longer ours.
                    path.unlink()
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
