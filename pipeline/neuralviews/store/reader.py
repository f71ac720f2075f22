"""Reading a store: cheap to open, every byte proven before its first use, no HDF5 involved."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import IncompleteStore, IntegrityError, NotAStore, SpecError
from ..field import Field, FieldSpec
from ..records import Records
from .canonical import sha256_hex
from .files import read_whole
from .gather import Rows, copy_rows, join_scattered, runs
from .job import Job
from .manifest import parse_manifest
from .manifest_schema import Manifest
from .mapping import ShardMaps
from .schema import (
    JOB_FILE,
    MANIFEST_FILE,
    MAX_JSON_BYTES,
    SUBSET,
    WEIGHTS,
    column_path,
    require_little_endian,
)
from .values import column_problem

__all__ = ["Store", "open_store"]


def open_store(root: "str | Path | Store") -> "Store":
    """Open a finished store; only its manifest is read. One that is open already is given back as it is.

    Raises:
        NotAStore: the folder is missing or holds no store.
        IncompleteStore: it is not finished.
        FormatError: the manifest departs from the format, or a newer neuralviews wrote it.
    """
    if isinstance(root, Store):
        return root
    require_little_endian()
    root = Path(root)
    _require_finished(root)
    data = read_whole(root, MANIFEST_FILE, MAX_JSON_BYTES)
    manifest, job = parse_manifest(data, root / MANIFEST_FILE)
    return Store(root, manifest, sha256_hex(data), job)


def _require_finished(root: Path) -> None:
    """Refuse a folder that has no manifest, saying why.

    Raises:
        NotAStore, IncompleteStore
    """
    if os.path.lexists(root / MANIFEST_FILE):
        return
    if os.path.lexists(root / JOB_FILE):
        raise IncompleteStore(f"{root}: not finished; run the command that makes it again")
    found = "holds no store" if root.is_dir() else "no folder that can be read"
    raise NotAStore(f"{root}: {found}; expected a folder with {JOB_FILE} and {MANIFEST_FILE}")


class Store:
    """A finished store. Row number and record_id are the same thing.

    A shard is mapped when it is first needed, after its sha256 was found right; one that fails is
    refused every time. Instances pickle (without their maps) and survive forking.

    Attributes:
        root: the folder, as it was named.
        folder: the same, absolute: where its files are, whichever the current folder has become.
        manifest: its content, typed.
        dataset_id: sha256 of manifest.json: names these bytes, wherever they lie.
        spec: the shape of every field.
    """

    def __init__(self, root: Path, manifest: Manifest, dataset_id: str, job: Job) -> None:
        self.root = root
        self.manifest = manifest
        self.dataset_id = dataset_id
        self.spec: FieldSpec = job.spec
        self._maps = ShardMaps(root, manifest.shards)
        self.folder = self._maps.root
        self._columns: dict[str, NDArray[Any]] = {}
        self._layout = job.layout
        self._rows = job.rows
        self._rows_per_shard = job.rows_per_shard

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_columns": {}}

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"<Store {self.root} {self.dataset_id[:12]}: {len(self)} fields {list(self.spec.dims)}>"

    @property
    def job(self) -> Mapping[str, Any]:
        """The content of job.json: what the store was asked to be."""
        return self.manifest.job

    @property
    def made_by(self) -> Mapping[str, Any]:
        """The job that made the records: `job` itself, but of a subset that of the store they are from."""
        job: Mapping[str, Any] = self.job
        while job["kind"] == SUBSET:
            job = job["of"]["job"]
        return job

    @property
    def kind(self) -> str:
        """How the records came about: fitted (``generate``), made from those of a parent (``augment``), or
        read from files of another program (``import``)."""
        return str(self.made_by["kind"])

    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(self._layout.columns())

    def column(self, name: str) -> NDArray[Any]:
        """A whole column, read-only; kept once read. The first one proves every shard.

        Returns:
            (n,); of wide columns, as ``repairs`` of shapes and those of augmented records, (n, width).
            Codes are those of `Split`, `Status` and `ShapeTarget`. Of imported records NaN stands for a PSNR
            or a loss that is not known.

        Raises:
            KeyError: there is no such column.
            IntegrityError: a shard is not what was published, or the column has a value that it cannot have.
        """
        if name not in self._columns:
            self._require_columns(name)
            shards = range(len(self.manifest.shards))
            whole = np.concatenate([self._maps.array(shard, column_path(name)) for shard in shards])
            self._require_sound(name, whole, range(len(self)))
            whole.flags.writeable = False
            self._columns[name] = whole
        return self._columns[name]

    def column_at(self, name: str, rows: ArrayLike) -> NDArray[Any]:
        """A column of the given rows, in the order given; unless `column` has read it, only their shards are.

        Raises:
            KeyError, IndexError, IntegrityError: as `column` and `weights`.
        """
        chosen = self.checked_rows(rows)
        if name in self._columns:
            found: NDArray[Any] = self._columns[name][chosen]
            return found
        self._require_columns(name)
        return self._gathered((name,), chosen)[name]

    def scan(self, *names: str) -> Iterator[tuple[range, dict[str, NDArray[Any]]]]:
        """Record ids and columns, read-only, shard after shard: as `column`, but nothing is kept in memory.

        Raises:
            KeyError, IntegrityError: as `column`.
        """
        self._require_columns(*names)
        for shard, entry in enumerate(self.manifest.shards):
            rows = range(entry.row_start, entry.row_start + entry.rows)
            arrays = self._maps.passing(shard)
            found = {name: arrays[column_path(name)] for name in names}
            for name, column in found.items():
                self._require_sound(name, column, rows)
            yield rows, found

    def weights(self, rows: ArrayLike, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Flat weights of the given rows, in the order given, (k, P) float32.

        Args:
            rows: (k,) integers from 0 to n-1, repeats allowed.
            out: C-contiguous (k, P) float32 to write into.
        Raises:
            IndexError: a row that the store does not have.
            IntegrityError: a shard is not what was published.
        """
        chosen = self.checked_rows(rows)
        shape = (len(chosen), self.spec.parameters)
        if out is not None and (out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous):
            raise SpecError(f"out: found {out.dtype} {out.shape}, expected C-contiguous float32 {shape}")
        shards, local = np.divmod(chosen, self._rows_per_shard)
        if (shards[1:] < shards[:-1]).any():
            found = join_scattered(self._maps, shards, local, self.spec.parameters)
            if out is None:
                return found
            out[:] = found
            return out
        if out is None:
            out = np.empty(shape, np.float32)
        for shard, part in runs(shards):
            copy_rows(self._maps.array(shard, WEIGHTS), local[part], out[part])
        return out

    def read(self, rows: ArrayLike) -> Records:
        """Weights and all columns of the given rows, in the order given; only their shards are touched.

        Raises:
            IndexError, IntegrityError: as `weights` and `column`.
        """
        chosen = self.checked_rows(rows)
        columns = self._gathered(self.columns(), chosen)
        return Records(self.spec, self.weights(chosen), columns)

    def record(self, record_id: int) -> dict[str, Any]:
        """Every column of one record: a number, or a list of them from a wide column."""
        columns = self.read([record_id]).columns
        return {name: column[0].tolist() for name, column in columns.items()}

    def field(self, record_id: int) -> Field:
        """One record as a function."""
        return Field(self.spec, self.weights([record_id])[0])

    def _gathered(self, names: tuple[str, ...], chosen: Rows) -> dict[str, NDArray[Any]]:
        """Columns of some rows, from their shards alone."""
        types = self._layout.columns()
        columns = {
            name: np.empty(self._layout.column_shape(name, len(chosen)), types[name]) for name in names
        }
        shards, local = np.divmod(chosen, self._rows_per_shard)
        order = np.argsort(shards, kind="stable")
        for shard, part in runs(shards[order]):
            for name, column in columns.items():
                column[order[part]] = self._maps.array(shard, column_path(name))[local[order[part]]]
        for name, column in columns.items():
            self._require_sound(name, column, chosen)
        return columns

    def _require_columns(self, *names: str) -> None:
        for name in names:
            if name not in self.columns():
                raise KeyError(f"{name}: no such column; there are {', '.join(self.columns())}")

    def _require_sound(self, name: str, column: NDArray[Any], rows: range | Rows) -> None:
        problem = column_problem(name, column, rows, self.kind)
        if problem is not None:
            raise IntegrityError(f"{self.root}: {problem}; make the store again")

    def checked_rows(self, rows: ArrayLike) -> Rows:
        """Record numbers as (k,) int64, once they were found to be some.

        Raises:
            IndexError: they are not one dimension of integers, or the store does not have one.
        """
        chosen = np.asarray(rows)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise IndexError(f"rows: found {chosen.dtype} {chosen.shape}, expected one dimension of integers")
        if chosen.size and not 0 <= int(chosen.min()) <= int(chosen.max()) < len(self):
            raise IndexError(
                f"rows: found {chosen.min()} to {chosen.max()}, {self.root} has 0 to {len(self) - 1}"
            )
        return chosen.astype(np.int64, copy=False)
