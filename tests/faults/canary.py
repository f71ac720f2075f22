"""Tells whether anything in a folder was opened, by any library, through Linux's inotify."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_IN_OPEN = 0x20


class Canary:
    """Watches one folder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def sang(self) -> bool:
        """Whether a file was opened since the last time of asking."""
        try:
            return bool(os.read(self._descriptor, 1 << 16))
        except BlockingIOError:
            return False


@contextmanager
def watch(folder: Path) -> Iterator[Canary]:
    if sys.platform != "linux":
        pytest.skip("inotify is Linux's")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_OPEN) < 0:
            pytest.skip(f"inotify does not work here ({os.strerror(ctypes.get_errno())})")
        yield Canary(descriptor)
    finally:
        os.close(descriptor)
