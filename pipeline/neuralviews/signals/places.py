"""Whether something lies at a path that users name, whatever the system says of it."""

import errno
import stat
from pathlib import Path

from ..errors import SourceError

__all__ = ["is_file", "is_folder"]


def is_folder(path: Path) -> bool:
    """Whether there is a folder.

    Raises:
        SourceError: the system does not tell: a folder on the way may not be searched, or a name is too long.
    """
    return stat.S_ISDIR(_mode(path))


def is_file(path: Path) -> bool:
    """Whether there is a regular file; raises as `is_folder`."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # of a name that no file can have
        return 0
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link that leads to itself, and so to nothing
            return 0
        raise SourceError(
            f"{path}: cannot be read ({error.strerror}); expected a place of source files: "
            "allow it to be read, or name another"
        ) from None
