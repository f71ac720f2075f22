"""Files of a store in a release: hard links where the file system has them, durable copies where not."""

import errno
import os
from pathlib import Path

from ..errors import OutputError
from ..exchange.folder import add_file
from ..store.files import file_sha256, open_regular, output_errors, read_whole

__all__ = ["place"]

_COPIED = {
    *(errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP),
    *(errno.EPERM, errno.EACCES),  # links to files of others are often not allowed
}


def place(store: Path, name: str, out: Path, sha256: str) -> None:
    """Give a file of a store its name in another folder; one that has the bytes already is left as it is.

    Published files never change, so a link is as good as a copy and takes no room.

    Raises:
        OutputError: it cannot be written, or another file has the name.
        StoreError: the store's file cannot be read.
    """
    final = out / name
    with output_errors(final):
        try:
            os.link(store / name, final, follow_symlinks=False)
        except FileExistsError:
            _require_same(out, name, sha256)
        except OSError as error:
            if error.errno not in _COPIED:
                raise
            add_file(out, name, read_whole(store, name, (store / name).stat().st_size))


def _require_same(out: Path, name: str, sha256: str) -> None:
    with open_regular(out, name) as fd:
        if file_sha256(fd) == sha256:
            return
    raise OutputError(
        f"{out / name}: there is such a file with other bytes than the store has; take another folder, or "
        "remove the file"
    )
