"""What must not lie among the shards of a store."""

import os
from pathlib import Path

from ..errors import IntegrityError
from .files import is_leftover
from .schema import SHARD_FOLDER, receipt_name, shard_name

__all__ = ["require_no_strays"]


def require_no_strays(root: Path, shards: int) -> None:
    """Refuse any file beside the shards of a store, their receipts and what readers ignore.

    Raises:
        IntegrityError: names one, or the folder if that cannot be listed.
    """
    names = {name for shard in range(shards) for name in (shard_name(shard), receipt_name(shard))}
    try:
        entries = os.listdir(root / SHARD_FOLDER)
    except OSError as error:
        raise IntegrityError(f"{root / SHARD_FOLDER}: cannot be listed ({error.strerror})") from error
    for entry in sorted(entries):
        if f"{SHARD_FOLDER}/{entry}" not in names and not is_leftover(entry):
            raise IntegrityError(f"{root / SHARD_FOLDER / entry}: no shard of this store; move it elsewhere")
