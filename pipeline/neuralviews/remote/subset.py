"""From a published store to a store of some of its records: only the shards that hold them are fetched."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, OptionError, OutputError
from ..records import COLUMNS, Records
from ..store.canonical import canonical_json, parse_canonical
from ..store.files import read_whole
from ..store.mapping import ShardMaps
from ..store.reader import open_store
from ..store.schema import (
    FORMAT_VERSION,
    JOB_FILE,
    MAX_JSON_BYTES,
    STORE_FORMAT,
    SUBSET,
    column_path,
)
from ..store.space import check_space, require_ours
from ..store.writer import StoreWriter
from ..work.shards import Sharing, complete, is_finished, make_shards
from ..work.sizes import rows_per_shard
from .mirror import Mirror, fetch_mirror, remove_mirror
from .patience import PATIENCE, Patience
from .release import require_apart
from .released import Released, read_released
from .selection import Selection
from .site import open_site

if TYPE_CHECKING:
    from ..store.job import Job
    from ..store.reader import Store
    from ..work.worker import Progress

__all__ = ["SubsetReport", "download_subset"]

_ROWS_WORTH_A_SHARD = 1024
"""Copying so many fields takes milliseconds, as does publishing a shard."""


@dataclass(frozen=True)
class SubsetReport:
    """A store of some records of a published one, complete.

    Attributes:
        made: records copied by this run; ``records``: of the store.
        dataset_id: of the store; ``whole_id``: of the one that its records are from.
    """

    made: int
    records: int
    dataset_id: str
    whole_id: str


def download_subset(
    link: str,
    out: str | Path,
    selection: Selection,
    *,
    dataset_id: str | None = None,
    workers: int = 1,
    progress: bool = False,
    patience: Patience = PATIENCE,
) -> SubsetReport:
    """Make a store of some records of a published store, or go on with it: bytes never depend on the way.

    Shards that can hold such records are fetched into ``<out>.download``, which is removed at the end; of a
    store on this machine they are read where they are.

    Args:
        link: of the folder, as for `download_release`.
        dataset_id: of the published store; refuse any other.
        workers: processes that copy records at the same time.
        progress: draw a progress bar of records on stderr.
    Raises:
        FetchError, FormatError, OutputError: as `download_release`.
        OptionError: there is no such record.
        IntegrityError: the records of a shard cannot be right.
        KeyboardInterrupt: what was fetched and what was made stays; the same call resumes.
    """
    root = Path(out)
    site = open_site(link, root, patience)
    require_apart(site, root)
    released = read_released(site, dataset_id, patience)
    origin = _origin(released, selection)
    begun = _begun(root, origin)
    if begun is not None and is_finished(root, begun):
        remove_mirror(released, root)
        return _report(root, 0, released)
    if (told := _views(released.job.content)) is not None:
        selection.require_views(told, site.link)
    shards = selection.shards(released.manifest, site.link)
    mirror = fetch_mirror(released, shards, root, patience)
    maps = ShardMaps(mirror.root, released.manifest.shards)
    counts = tuple(len(_rows(maps, shard, selection)) for shard in shards)
    most = 1 + max(int(maps.array(shard, column_path("view")).max()) for shard in shards)
    try:
        selection.require_views(most, site.link)
        if not sum(counts):
            raise OptionError(f"found no record of {origin['selection']} in {site.link}; ask for others")
    except OptionError:
        remove_mirror(released, root)
        raise
    job = _job(released, origin, sum(counts))
    check_space(root, job)
    writer = StoreWriter(root, job)
    made = make_shards(
        writer, _Maker(root, mirror, selection, tuple(shards), counts), Sharing(workers, progress=progress)
    )
    complete(writer, made)
    remove_mirror(released, root)
    return _report(root, made, released)


def _origin(released: Released, selection: Selection) -> dict[str, Any]:
    """The part of the job from which all else follows.

    Raises:
        FormatError: the job of the whole store is nested too deep to be part of another.
    """
    of = {"dataset_id": released.dataset_id, "job": dict(released.job.content)}
    origin = {"kind": SUBSET, "of": of, "selection": selection.to_json()}
    try:
        canonical_json({"job": origin})  # as the manifest of the subset has it
    except ValueError as error:
        raise FormatError(
            f"{released.site.link}: its job cannot be stated by that of a subset ({error}); take all of it"
        ) from None
    return origin


def _views(job: Mapping[str, Any]) -> int | None:
    """How many views of each object a store has, if its job tells; asked before any shard is fetched."""
    recipe = job.get("recipe")
    views = recipe.get("views") if isinstance(recipe, Mapping) else None
    return views if isinstance(views, int) else None


def _begun(root: Path, origin: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The job that a folder has already; asked before anything is fetched for it.

    Raises:
        OutputError: the folder holds another job, or anything else.
    """
    require_ours(root)
    if not os.path.lexists(root / JOB_FILE):
        return None
    job = parse_canonical(read_whole(root, JOB_FILE, MAX_JSON_BYTES), root / JOB_FILE)
    if not isinstance(job, Mapping) or any(job.get(key) != value for key, value in origin.items()):
        raise OutputError(f"{root}: belongs to another job, not to these records; choose another folder")
    return job


def _job(released: Released, origin: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores."""
    layout = released.job.layout
    row_bytes = 4 * (layout.parameters + layout.params + 2 * layout.classes + layout.attributes)
    return {
        "format": STORE_FORMAT,
        "format_version": FORMAT_VERSION,
        **origin,
        "rows": rows,
        "rows_per_shard": rows_per_shard(row_bytes, rows, _ROWS_WORTH_A_SHARD),
        "arch": released.job.spec.to_json(),
    }


def _report(root: Path, made: int, released: Released) -> SubsetReport:
    store = open_store(root)
    return SubsetReport(made, len(store), store.dataset_id, released.dataset_id)


def _rows(maps: ShardMaps, shard: int, selection: Selection) -> NDArray[np.int64]:
    """record_id, in the whole store, of the wanted records of one shard."""
    split, view = (maps.array(shard, column_path(name)) for name in ("split", "view"))
    return selection.rows(split, view) + maps.entries[shard].row_start


@dataclass(frozen=True)
class _Maker:
    """Where a run writes and reads, and how many records each shard gives; see `work.worker.Maker`."""

    root: Path
    mirror: Mirror
    selection: Selection
    shards: tuple[int, ...]
    counts: tuple[int, ...]

    def open(self, job: "Job") -> "Callable[[range, Progress], Records]":
        """Open the whole store; a worker proves only the shards that it reads."""
        return _Copier(self, self.mirror.open()).make


class _Copier:
    """Makes records out of those of the whole store."""

    def __init__(self, maker: _Maker, store: "Store") -> None:
        self._maker, self._store = maker, store
        self._maps = ShardMaps(store.root, store.manifest.shards)
        self._ends = np.cumsum(maker.counts)

    def make(self, rows: range, progress: "Progress") -> Records:
        """Records of a range of rows; ``progress`` hears their PSNRs."""
        first, last = np.searchsorted(self._ends, (rows.start, rows.stop - 1), "right").tolist()
        parts = [
            _rows(self._maps, shard, self._maker.selection) for shard in self._maker.shards[first : last + 1]
        ]
        before = int(self._ends[first]) - self._maker.counts[first]
        chosen = np.concatenate(parts)[rows.start - before : rows.stop - before]
        found = self._store.read(chosen)
        progress(found.columns["psnr"])
        record_id = np.arange(rows.start, rows.stop).astype(COLUMNS["record_id"])
        return Records(found.spec, found.weights, {**found.columns, "record_id": record_id})
