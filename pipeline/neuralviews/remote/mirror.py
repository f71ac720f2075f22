"""Some shards of a published store, fetched and proven, in a folder that is no store."""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import IntegrityError, OutputError, StoreError
from ..exchange.folder import prepare_folder
from ..store.canonical import sha256_hex
from ..store.files import DifferentBytes, publish, read_whole
from ..store.manifest import parse_manifest
from ..store.manifest_schema import ShardEntry
from ..store.reader import Store
from ..store.schema import MANIFEST_FILE, MAX_JSON_BYTES, SHARD_FOLDER
from ..store.space import require_room
from .patience import Patience
from .released import Released, missing_bytes
from .site import download_folder

__all__ = ["Mirror", "fetch_mirror", "remove_mirror"]

WHOLE = "whole-manifest.json"
"""The manifest of the whole store. Under its own name it would make the folder a store."""

_PARTS = ("", ".part", ".part.json")
"""Endings of the files that `fetch` needs for one."""


@dataclass(frozen=True)
class Mirror:
    """A folder with at least some shards of a store; it pickles.

    Attributes:
        manifest: name of the file in it that is the manifest of the whole store.
        dataset_id: of the whole store.
    """

    root: Path
    manifest: str
    dataset_id: str

    def open(self) -> Store:
        """The whole store, of which only those shards can be read that are here; each is proven first.

        Raises:
            IntegrityError: the manifest is another one by now.
        """
        data = read_whole(self.root, self.manifest, MAX_JSON_BYTES)
        path = self.root / self.manifest
        if (found := sha256_hex(data)) != self.dataset_id:
            raise IntegrityError(
                f"{path}: found sha256 {found}, expected {self.dataset_id}; it was changed meanwhile: run "
                "the same command again"
            )
        manifest, job = parse_manifest(data, path)
        return Store(self.root, manifest, self.dataset_id, job)


def fetch_mirror(released: Released, shards: Collection[int], out: Path, patience: Patience) -> Mirror:
    """Bring shards into the folder beside ``out``, or go on with those that are there.

    A store on this machine is its own mirror.

    Raises:
        FetchError: a shard cannot be fetched, or is not what the manifest says.
        OutputError: the folder cannot be written, is too small, or holds anything else.
    """
    if released.site.folder is not None:
        return Mirror(released.site.folder, MANIFEST_FILE, released.dataset_id)
    entries = [released.manifest.shards[shard] for shard in shards]
    for entry in entries:
        released.file_of(entry)
    root = download_folder(out)
    prepare_folder(root, {WHOLE, SHARD_FOLDER})
    try:
        publish(root, WHOLE, [released.data], released.dataset_id)
    except DifferentBytes:
        raise OutputError(
            f"{root}: holds shards of another dataset than {released.dataset_id}, left by an interrupted "
            "download; go on with that one, or remove the folder"
        ) from None
    prepare_folder(root / SHARD_FOLDER, _files(entries))
    require_room(root, missing_bytes(entries, root), "ask for fewer shards")
    for shard in shards:
        released.fetch_shard(shard, root, patience)
    return Mirror(root, WHOLE, released.dataset_id)


def remove_mirror(released: Released, out: Path) -> None:
    """Remove what was fetched for ``out``, by this run or by one that was killed at its end; nothing else."""
    root = download_folder(out)
    with suppress(OSError, StoreError):  # what stays takes room, and does no harm
        if read_whole(root, WHOLE, MAX_JSON_BYTES) == released.data:
            ours = _files(released.manifest.shards)
            for entry in os.listdir(root / SHARD_FOLDER):
                if entry in ours:
                    (root / SHARD_FOLDER / entry).unlink()
            (root / SHARD_FOLDER).rmdir()
            (root / WHOLE).unlink()
            root.rmdir()


def _files(entries: Iterable[ShardEntry]) -> set[str]:
    """Names that shards, whole or in part, have in their folder."""
    return {f"{entry.file.partition('/')[2]}{end}" for entry in entries for end in _PARTS}
