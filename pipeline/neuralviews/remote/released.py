"""A store that somebody published, known by its manifest; its files are elsewhere."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError, OptionError
from ..store.canonical import sha256_hex
from ..store.job import Job
from ..store.manifest import parse_manifest
from ..store.manifest_schema import Manifest, ShardEntry
from ..store.schema import MANIFEST_FILE, MAX_JSON_BYTES
from .fetch import Fetched, fetch
from .patience import Patience
from .remote_file import RemoteFile
from .site import Site
from .small_file import read_small

__all__ = ["Released", "missing_bytes", "read_released"]

_DATASET_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHOWN = 5


@dataclass(frozen=True)
class Released:
    """A published store.

    Attributes:
        data: the bytes of its manifest, from which `manifest`, `job` and `dataset_id` follow.
    """

    site: Site
    data: bytes
    manifest: Manifest
    job: Job
    dataset_id: str

    def file_of(self, entry: ShardEntry) -> RemoteFile:
        """Where a shard is.

        Raises:
            FetchError: it is not among the files that are listed.
        """
        file = self.site.find(entry.file)
        if file is None:
            raise FetchError(
                f"{self.site.link}: found no {entry.file}, which {MANIFEST_FILE} names; the release is not "
                "complete: ask its publisher"
            )
        return file

    def fetch_shard(self, shard: int, root: Path, patience: Patience, *, progress: bool = False) -> Fetched:
        """Bring a shard below ``root``; it has its name once it is what the manifest says.

        Raises:
            FetchError, OutputError: as `fetch`.
        """
        entry = self.manifest.shards[shard]
        file = self.file_of(entry)
        return fetch(
            file.links,
            root / entry.file,
            sha256=entry.sha256,
            size=entry.bytes,
            headers=file.headers,
            progress=progress,
            patience=patience,
        )


def read_released(site: Site, dataset_id: str | None, patience: Patience) -> Released:
    """Read and check the manifest of a published store; nothing is written.

    Args:
        dataset_id: what it has to be; None for any.
    Raises:
        FetchError: there is none, or that of another dataset.
        FormatError: it is not what docs/format.md says.
        OptionError: no such id.
    """
    if dataset_id is not None and not _DATASET_ID.fullmatch(dataset_id):
        raise OptionError(f"id: found {dataset_id!r}, expected a dataset id of 64 lower-case hex digits")
    file = site.find(MANIFEST_FILE)
    data = None if file is None else read_small(file, MAX_JSON_BYTES, patience, sha256=dataset_id)
    if data is None:
        raise FetchError(
            f"{site.link}: found no {MANIFEST_FILE}{_others(site)}, expected a published store; to import "
            "files of another program say of which with --from"
        )
    found = sha256_hex(data)
    if dataset_id not in (None, found):
        raise FetchError(
            f"{site.link}: found the dataset id {found}, expected {dataset_id}; nothing was written: ask "
            "whoever gave you the link, or the id"
        )
    where = file.links[0] if file is not None else site.link
    return Released(site, data, *parse_manifest(data, where), found)


def missing_bytes(entries: Iterable[ShardEntry], root: Path) -> int:
    """What shards still take below a folder, where some of them may be, whole or in part."""
    left = 0
    for entry in entries:
        path = root / entry.file
        present = [0]
        for one in (path, path.with_name(f"{path.name}.part")):
            with suppress(OSError):
                present.append(one.stat().st_size)
        left += max(0, entry.bytes - max(present))
    return left


def _others(site: Site) -> str:
    """What is listed instead, in brief."""
    if site.listed is None:
        return ""
    names = sorted(site.listed)
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f" among {', '.join(names[:_SHOWN])}{more}" if names else " among no files"
