"""Read-only maps of files that hold no descriptor, so that a store may have more shards than a process files.

``mmap.mmap`` duplicates the descriptor it is given and keeps the copy as long as the map lives (it can be
told not to from Python 3.13 on). POSIX asks for no such thing: a map outlives its descriptor.
"""

import ctypes
import errno
import mmap
import os
import weakref
from functools import cache
from pathlib import Path

from .files import unreadable

__all__ = ["map_file"]

_FAILED = ctypes.c_void_p(-1).value


def map_file(fd: int, path: Path, size: int) -> memoryview:
    """A read-only map of a file's first ``size`` bytes, at least one, which outlives the descriptor.

    It is unmapped when the last array or view of it has gone.

    Raises:
        StoreError: the system has no room for another map.
    """
    library = _library()
    address = library.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == _FAILED:
        number = ctypes.get_errno() or errno.ENOMEM
        raise unreadable(path, "mapped", OSError(number, os.strerror(number)))
    mapped = (ctypes.c_char * size).from_address(address)
    # Nothing is unmapped when the interpreter exits: views of it may be used until its very end.
    weakref.finalize(mapped, library.munmap, address, size).atexit = False
    # ctypes takes all memory for writable; writing to this one would end the process.
    return memoryview(mapped).cast("B").toreadonly()


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    # off_t has 64 bits on every system with 64-bit addresses, which maps of whole stores need anyway.
    library.mmap.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    )
    library.mmap.restype = ctypes.c_void_p
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library
