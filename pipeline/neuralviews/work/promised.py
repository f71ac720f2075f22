"""Shards that workers say they published, until this host sees them too."""

import os
import time
from contextlib import suppress

from ..errors import EngineError
from ..store.schema import SHARD_FOLDER
from ..store.writer import StoreWriter

__all__ = ["Promised"]

_PATIENCE_SECONDS = 90.0
"""A network file system may hide a new file for a minute, as long as it trusts what it knows of a folder."""
_POLL_SECONDS = 0.5


class Promised:
    """Tells of a worker that writes into another folder of the same name, before anybody relies on it."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer
        self._unseen: dict[int, tuple[float, str]] = {}

    def add(self, shard: int, where: str) -> None:
        """A host is done with a shard.

        Raises:
            EngineError: what was done before is not there after a minute and a half; it names the host.
        """
        self._unseen[shard] = time.monotonic(), where
        self._look()

    def wait(self) -> None:
        """Until all shards are seen.

        Raises:
            EngineError: as `add`.
        """
        while self._look():
            time.sleep(_POLL_SECONDS)
            with suppress(OSError):  # a listing has a network file system ask again
                os.listdir(self._writer.root / SHARD_FOLDER)

    def _look(self) -> bool:
        """Whether some are not seen yet."""
        for shard, (since, where) in [*self._unseen.items()]:
            if self._writer.is_done(shard):
                del self._unseen[shard]
            elif time.monotonic() - since >= _PATIENCE_SECONDS:
                raise EngineError(
                    f"{self._writer.root}: shard {shard} is not there, although a worker on {where} "
                    "published it; choose a folder that all hosts share, or add --writers driver"
                )
        return bool(self._unseen)
