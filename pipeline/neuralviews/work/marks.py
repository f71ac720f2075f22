"""Marks of calls that are at work in processes of this machine, which outlast the death of those."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ..store.files import output_errors

__all__ = ["Mark", "Marks"]

_PREFIX = "neuralviews-begun-"
_BEGUN, _ENDED = b"\1", b"\2"
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK}


@dataclass(frozen=True)
class Mark:
    """One call's place in the file; it pickles. Without the file, which something that tidies may have taken
    away, nothing is marked: all goes on, and a death is then not told from one before any call began."""

    path: Path
    place: int

    def begin(self) -> None:
        """Say that the call is at work."""
        self._write(_BEGUN)

    def end(self) -> None:
        """Say that it is done, whether or not its result arrives."""
        self._write(_ENDED)

    def _write(self, value: bytes) -> None:
        with suppress(FileNotFoundError):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, value, self.place)
            finally:
                os.close(descriptor)


class Marks:
    """A byte for each of some calls, in a temporary file of this machine that is removed on exit.

    The file is locked as long as this process lives, so files of processes that were killed can be told, and
    are removed by the next; where there are no locks, none is taken for abandoned.
    """

    def __init__(self, units: Sequence[int]) -> None:
        self._places = {unit: place for place, unit in enumerate(units)}
        with output_errors(Path(tempfile.gettempdir())):
            _remove_abandoned()
            self._descriptor, self._path = _locked_file()
            try:
                os.write(self._descriptor, bytes(len(units)))
            except BaseException:
                self._remove()
                raise

    def of(self, unit: int) -> Mark:
        """The mark of a call."""
        return Mark(self._path, self._places[unit])

    def at_work(self) -> list[int]:
        """Calls that began and did not end."""
        return self._marked(_BEGUN)

    def ended(self) -> list[int]:
        """Calls that ended, whether or not their results arrived."""
        return self._marked(_ENDED)

    def _marked(self, value: bytes) -> list[int]:
        found = os.pread(self._descriptor, len(self._places), 0)
        return [unit for unit, place in self._places.items() if found[place : place + 1] == value]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def _locked_file() -> tuple[int, Path]:
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                os.unlink(name)
                raise
        if os.path.exists(name):  # else another process took it for abandoned before it was locked
            return descriptor, Path(name)
        os.close(descriptor)


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # of another user, in use, or gone
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)
