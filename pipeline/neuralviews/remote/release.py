"""From a published release to a copy of it: every file proven before it has its name, the manifest last."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError, OutputError
from ..store.canonical import canonical_json, sha256_hex
from ..store.files import (
    DifferentBytes,
    make_folder,
    publish,
    read_whole,
    remove_leftovers,
    sync_folder,
)
from ..store.manifest import checksums, receipt_of
from ..store.schema import (
    JOB_FILE,
    MANIFEST_FILE,
    MAX_JSON_BYTES,
    SHARD_FOLDER,
    SUMS_FILE,
    receipt_name,
)
from ..store.space import require_ours, require_room
from ..store.verify import verify
from .card import RELEASE_SUMS
from .patience import PATIENCE, Patience
from .release_sums import other_files
from .released import Released, missing_bytes, read_released
from .site import Site, open_site
from .small_file import read_small

__all__ = ["Downloaded", "download_release", "require_apart"]

MAX_OTHER_BYTES = 2**28
"""Of all files of a release that are none of its store, at most: they are held in memory."""


@dataclass(frozen=True)
class Downloaded:
    """A copy that is complete.

    Attributes:
        records: of the store, in ``shards`` files; ``fetched`` of these were not there before.
        files: of the copy, of ``bytes`` in all.
        released: whether there was a list of all files of a release; without it only the store was copied.
    """

    root: Path
    dataset_id: str
    records: int
    shards: int
    fetched: int
    files: int
    bytes: int
    released: bool


def download_release(
    link: str,
    out: str | Path,
    *,
    dataset_id: str | None = None,
    progress: bool = False,
    patience: Patience = PATIENCE,
) -> Downloaded:
    """Copy a release that ``neuralviews publish`` made, or the folder of any store.

    All bytes of the store follow from its manifest, whose sha256 is the dataset id, and all other files of a
    release from its list of checksums, so the copy is the same, file for file. Without a list only the store
    is copied. What is there already is gone on with, and a reader sees an unfinished store until all of it is
    there.

    Args:
        link: of the folder: a path, ``file://``, ``https://``, ``http://``, ``hf://owner/name[@revision]`` or
            the DOI of a record on Zenodo.
        dataset_id: refuse any other dataset.
        progress: show a bar for each shard even if the output is no terminal.
    Raises:
        FetchError: there is no release, or it is incomplete, of another dataset, or not what it states.
        FormatError: its manifest is not what docs/format.md says.
        OutputError: the folder cannot be written, is too small, or holds anything else.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    root = Path(out)
    site = open_site(link, root, patience)
    require_apart(site, root)
    released = read_released(site, dataset_id, patience)
    texts = _texts(released)
    sums = _release_sums(site, patience)
    others: Mapping[str, bytes] = {}
    if sums is not None:
        known = {entry.file: entry.sha256 for entry in released.manifest.shards}
        known |= {name: sha256_hex(data) for name, data in texts.items()}
        others = dict(_others(site, other_files(sums, known, site.link), patience)) | {RELEASE_SUMS: sums}
    for entry in released.manifest.shards:
        released.file_of(entry)
    _require_place(root, released, sum(map(len, (*texts.values(), *others.values()))))
    make_folder(root / SHARD_FOLDER)
    _keep(root, JOB_FILE, texts[JOB_FILE])
    fetched = 0
    for shard in range(len(released.manifest.shards)):
        fetched += not released.fetch_shard(shard, root, patience, progress=progress).adopted
        _keep(root, receipt_name(shard), texts[receipt_name(shard)])
    for name, data in (*others.items(), (SUMS_FILE, texts[SUMS_FILE])):
        make_folder((root / name).parent)
        _keep(root, name, data)
    for folder in (root / SHARD_FOLDER, root):
        sync_folder(folder)
        remove_leftovers(folder)
    _keep(root, MANIFEST_FILE, released.data)
    verify(root, "quick")
    size = sum(entry.bytes for entry in released.manifest.shards)
    return Downloaded(
        root,
        released.dataset_id,
        released.job.rows,
        len(released.manifest.shards),
        fetched,
        len(released.manifest.shards) + len(texts) + len(others),
        size + sum(map(len, (*texts.values(), *others.values()))),
        released=sums is not None,
    )


def require_apart(site: Site, out: Path) -> None:
    """Refuse to write into what is read.

    Raises:
        OutputError: ``out`` is the folder of the release, or lies in it.
    """
    if site.folder is not None and out.resolve().is_relative_to(site.folder.resolve()):
        raise OutputError(f"{out}: is or lies in the store that is downloaded; choose another folder")


def _texts(released: Released) -> dict[str, bytes]:
    """Every file of the store but its shards: all of them follow from the manifest."""
    texts = {JOB_FILE: canonical_json(released.job.content), MANIFEST_FILE: released.data}
    for shard, entry in enumerate(released.manifest.shards):
        texts[receipt_name(shard)] = receipt_of(entry, released.job)
    return texts | {SUMS_FILE: checksums(released.manifest, released.job, released.dataset_id)}


def _release_sums(site: Site, patience: Patience) -> bytes | None:
    file = site.find(RELEASE_SUMS)
    return None if file is None else read_small(file, MAX_JSON_BYTES, patience, optional=True)


def _others(site: Site, sums: Mapping[str, str], patience: Patience) -> Iterator[tuple[str, bytes]]:
    """The files of a release that are none of its store, each proven."""
    left = MAX_OTHER_BYTES
    for name, digest in sums.items():
        file = site.find(name)
        data = None if file is None else read_small(file, left, patience, sha256=digest)
        if data is None:
            raise FetchError(
                f"{site.link}: found no {name}, which {RELEASE_SUMS} lists; the release is not complete: "
                "ask its publisher"
            )
        if (found := sha256_hex(data)) != digest:
            raise FetchError(
                f"{site.link}: {name}: found sha256 {found}, expected {digest} as {RELEASE_SUMS} lists it; "
                "run the same command again, and if it stays so, ask its publisher"
            )
        left -= len(data)
        yield name, data


def _require_place(root: Path, released: Released, texts: int) -> None:
    """Refuse a folder that holds anything else, or leads elsewhere, or has no room for what is missing."""
    require_ours(root)
    for name in (SHARD_FOLDER, *(entry.file for entry in released.manifest.shards)):
        if (root / name).is_symlink():
            raise OutputError(f"{root / name}: a link, which no reader of stores follows; remove it")
    for name, data in ((MANIFEST_FILE, released.data), (JOB_FILE, canonical_json(released.job.content))):
        if os.path.lexists(root / name) and read_whole(root, name, MAX_JSON_BYTES) != data:
            raise OutputError(
                f"{root / name}: there already, of another dataset than {released.dataset_id}; "
                "choose another folder"
            )
    needed = texts + missing_bytes(released.manifest.shards, root)
    require_room(root, needed, "take a part of it, with --split, --views or --first-shards")


def _keep(root: Path, name: str, data: bytes) -> None:
    """Write a file whose content was proven; one of the same bytes is left as it is."""
    try:
        publish(root, name, [data], sha256_hex(data))
    except DifferentBytes:
        raise OutputError(
            f"{root / name}: there is such a file with other bytes than the release has; remove it, or "
            "choose another folder"
        ) from None
