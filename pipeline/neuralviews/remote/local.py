"""Files of this machine as links: ``file://`` and absolute paths."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .body import BLOCK, Body, LinkFault

__all__ = ["local_path", "open_local"]


def local_path(link: str) -> Path | None:
    """The file that a link means; None for links of other kinds.

    Raises:
        LinkFault: a ``file://`` link to another machine, or one that is no link.
    """
    if link.startswith("/"):
        return Path(link)
    if not link.lower().startswith("file:"):
        return None
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise LinkFault(f"no link that can be opened ({error})") from None
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or "%00" in parts.path:
        raise LinkFault("no file of this machine, expected file:///folder/name")
    return Path(unquote(parts.path))


@contextmanager
def open_local(path: Path, offset: int, validator: str | None) -> Iterator[Body]:
    """A file from ``offset`` on, or from its start if it is no longer what ``validator`` names.

    Raises:
        LinkFault: there is no such file, or it cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise LinkFault(f"cannot be read ({_reason(error)})", absent=absent) from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise LinkFault("no regular file, expected the file itself")
        version = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        start = offset if validator in (None, version) and offset <= found.st_size else 0
        rest = range(start, found.st_size, BLOCK)
        blocks = iter(rest)

        def read() -> bytes:
            at = next(blocks, None)
            if at is None:
                return b""
            try:
                data = os.pread(fd, min(BLOCK, found.st_size - at), at)
            except OSError as error:
                raise LinkFault(f"cannot be read ({_reason(error)})", retry=True) from None
            if len(data) != min(BLOCK, found.st_size - at):
                raise LinkFault("was cut while it was read", retry=True, anew=True)
            return data

        yield Body(start, found.st_size, version, read)
    finally:
        os.close(fd)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
