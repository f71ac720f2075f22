"""A file read by position alone."""

import os
import weakref
from pathlib import Path

__all__ = ["PositionedFile"]


class PositionedFile:
    """An open file without a current position, so that processes may share it after a fork, and threads too.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        weakref.finalize(self, os.close, self.fd)

    def read(self, size: int, start: int) -> bytes:
        """The bytes from ``start`` on, ``size`` of them or as many as there are."""
        data = os.pread(self.fd, size, start)
        while len(data) < size and (more := os.pread(self.fd, size - len(data), start + len(data))):
            data += more
        return data
