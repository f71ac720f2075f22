"""What must not lie among the shards of a store."""

import os
from pathlib import Path

from ..errors import IntegrityError
from .schema import SHARD_FOLDER, receipt_name, shard_name

__all__ = ["require_no_strays"]


def require_no_strays(root: Path, shards: int) -> None:
    """Refuse any file beside the shards of a store and their receipts whose name starts with no dot.

    Those with a dot are leftovers of writers, and what systems put there unasked: ``._*`` (macOS), ``.nfs*``.

    Raises:
        IntegrityError: names one, or the folder if that cannot be listed.
    """
    names = {name for shard in range(shards) for name in (shard_name(shard), receipt_name(shard))}
    try:
        entries = os.listdir(root / SHARD_FOLDER)
    except OSError as error:
        raise IntegrityError(f"{root / SHARD_FOLDER}: cannot be listed ({error.strerror})") from error
    for entry in sorted(entries):
        if f"{SHARD_FOLDER}/{entry}" not in names and not entry.startswith("."):
            raise IntegrityError(f"{root / SHARD_FOLDER / entry}: no shard of this store; move it elsewhere")
