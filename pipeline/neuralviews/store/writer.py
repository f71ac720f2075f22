"""Writing a store: a job first, then shards in any order by any number of processes, then the manifest."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from ..errors import FormatError, IntegrityError, NotAStore, OutputError
from ..field import FieldSpec
from ..records import Records
from .canonical import canonical_json, parse_canonical, sha256_hex
from .files import (
    Buffer,
    DifferentBytes,
    make_folder,
    open_regular,
    publish,
    read_whole,
    remove_leftovers,
    sync_folder,
    sync_name,
)
from .finished import FinishedShard
from .job import Job, differences
from .manifest import checksums, encode, new_manifest, parse_receipt
from .manifest_schema import Receipt
from .manifest_text import Entries
from .quarantine import quarantine
from .schema import (
    JOB_FILE,
    MANIFEST_FILE,
    MAX_JOB_BYTES,
    MAX_JSON_BYTES,
    SHARD_FOLDER,
    SUMS_FILE,
    receipt_name,
    require_little_endian,
    shard_name,
)
from .space import require_ours
from .strays import require_no_strays

__all__ = ["StoreWriter", "read_job"]

_DIFFERENCES_SHOWN = 3
_ATTEMPTS = 4


class StoreWriter:
    """Publishes the shards of one job into one folder.

    No locks are taken: writers of the same job may work on the same folder, because whatever they
    publish under one name is the same bytes, and a difference is an error. Instances hold no open
    files and pickle.

    Args:
        root: the folder; made if need be.
        job: the content of job.json, published before anything else.
    Raises:
        FormatError: the job lacks what the store needs.
        OutputError: the folder cannot be written, or holds something else or another job.
    """

    def __init__(self, root: Path, job: Mapping[str, Any]) -> None:
        require_little_endian()
        self.root = root
        try:
            data = canonical_json(job)
        except ValueError as error:
            raise FormatError(f"job: cannot be JSON of a store ({error})") from None
        self._job = Job.parse(parse_canonical(data, "job"), "job")
        if len(data) > MAX_JOB_BYTES:
            raise FormatError(f"job: {len(data)} bytes, at most {MAX_JOB_BYTES}; shorten it")
        require_ours(root)
        make_folder(root / SHARD_FOLDER)
        if not os.path.lexists(root / JOB_FILE):
            # Should another writer have been faster, the comparison below tells.
            with suppress(DifferentBytes):
                publish(root, JOB_FILE, [data], sha256_hex(data))
        found = read_job(root)
        if canonical_json(found) != data:
            shown = _shown_differences(found, self.job)
            raise OutputError(f"{root}: belongs to another job ({shown}); choose another folder")

    @classmethod
    def open(cls, root: Path) -> Self:
        """A writer for the job that a folder already has.

        Raises:
            NotAStore: there is no job.json.
        """
        if not os.path.lexists(root / JOB_FILE):
            raise NotAStore(
                f"{root}: there is no {JOB_FILE}; expected a folder that generate or augment began to fill"
            )
        return cls(root, read_job(root))

    @property
    def job(self) -> Mapping[str, Any]:
        """The content of job.json."""
        return self._job.content

    @property
    def parsed_job(self) -> Job:
        """What the store makes of job.json."""
        return self._job

    @property
    def made_by(self) -> Mapping[str, Any]:
        """The content of the job that made the records; see `Job.made_by`."""
        return self._job.made_by

    @property
    def spec(self) -> FieldSpec:
        """The shape of every field."""
        return self._job.spec

    @property
    def kind(self) -> str:
        """How the records come about; see `Job.kind`."""
        return self._job.kind

    @property
    def job_id(self) -> str:
        """sha256 of job.json."""
        return self._job.id

    @property
    def shard_count(self) -> int:
        return self._job.shard_count

    @property
    def rows(self) -> int:
        """Records of the whole store."""
        return self._job.rows

    def row_range(self, shard: int) -> range:
        """record_id of every row of a shard."""
        return self._job.row_range(shard)

    def is_done(self, shard: int) -> bool:
        """Whether a shard is published: its receipt is of this job, and its file is there in full size.

        Its bytes are proven when the store is finalized.
        """
        receipt = self._receipt(shard)
        if receipt is None:
            return False
        try:
            with open_regular(self.root, shard_name(shard)) as fd:
                return os.fstat(fd).st_size == receipt.bytes
        except IntegrityError:
            return False

    def missing(self) -> list[int]:
        """Shards that are not done, ascending."""
        return [shard for shard in range(self.shard_count) if not self.is_done(shard)]

    def commit(self, shard: int, records: Records) -> None:
        """Publish a shard, then its receipt; after that it is never written again.

        Raises:
            SpecError: the records are not those of this shard, or not finite.
            IntegrityError: the shard was committed before with other bytes: the run was not deterministic.
            OutputError: the file system refused; nothing half-written has a final name.
        """
        self.publish(shard, FinishedShard.of(self._job, shard, records))

    def publish(self, shard: int, finished: FinishedShard) -> None:
        """As `commit`, for a shard that was made elsewhere, in a process that needs no folder for it."""
        receipt = finished.receipt
        self._require_same(shard, receipt)
        self._publish(shard, receipt, receipt.file, finished.parts, receipt.sha256)
        data = encode(receipt)
        self._publish(shard, receipt, receipt_name(shard), [data], sha256_hex(data))

    def finalize(self) -> str:
        """Prove every shard, publish the manifest and the checksums, and remove leftovers.

        Returns:
            The dataset id: sha256 of the manifest. Finalizing again gives the same.
        Raises:
            IntegrityError: a shard is missing or wrong, or something else lies among them, or another
                manifest is there; it names the file.
        """
        from .examine import examine_shard, summarize
        from .totals import Totals

        require_no_strays(self.root, self.shard_count)
        totals, entries = Totals(self._job), Entries()
        for shard in range(self.shard_count):
            found = examine_shard(self.root, self._job, shard, self._require_receipt(shard))
            totals.add(found.columns)
            entries.add(found.entry)
        # A writer that was killed between linking a shard, or making the folder, and syncing left that to us.
        sync_folder(self.root / SHARD_FOLDER)
        sync_name(self.root)
        manifest = new_manifest(self._job, entries.all(), summarize(self.root, totals))
        data = encode(manifest)
        if len(data) > MAX_JSON_BYTES:
            raise FormatError(
                f"{self.root / MANIFEST_FILE}: {len(data)} bytes, at most {MAX_JSON_BYTES} can be "
                "read again; raise store.rows_per_shard"
            )
        dataset_id = sha256_hex(data)
        sums = checksums(manifest, self._job, dataset_id)
        for name, content in ((MANIFEST_FILE, data), (SUMS_FILE, sums)):
            try:
                publish(self.root, name, [content], sha256_hex(content))
            except DifferentBytes:
                raise IntegrityError(
                    f"{self.root / name}: there already, with other content than follows from the shards; "
                    "if the shards are right, remove it and run the same command again"
                ) from None
        remove_leftovers(self.root)
        remove_leftovers(self.root / SHARD_FOLDER)
        return dataset_id

    def _receipt(self, shard: int) -> Receipt | None:
        """The receipt of a shard if it is one of this job, else None."""
        name = receipt_name(shard)
        try:
            receipt = parse_receipt(read_whole(self.root, name, MAX_JSON_BYTES), self.root / name)
        except (FormatError, IntegrityError):
            return None
        expected = (self.job_id, shard_name(shard), len(self.row_range(shard)))
        return receipt if (receipt.job, receipt.file, receipt.rows) == expected else None

    def _require_receipt(self, shard: int) -> Receipt:
        receipt = self._receipt(shard)
        if receipt is None:
            raise IntegrityError(f"{self.root / receipt_name(shard)}: missing; run the same command again")
        return receipt

    def _require_same(self, shard: int, receipt: Receipt) -> None:
        found = self._receipt(shard)
        if found is not None and found != receipt:
            raise IntegrityError(
                f"{self.root / receipt.file}: committed before with sha256 {found.sha256}, "
                f"now made again with {receipt.sha256}; "
                "the run is not deterministic: expected the same engine, version and source every time"
            )

    def _publish(self, shard: int, receipt: Receipt, name: str, parts: list[Buffer], sha256: str) -> None:
        for _ in range(_ATTEMPTS):
            try:
                publish(self.root, name, parts, sha256)
            except DifferentBytes as other:
                # If no receipt vouches for these bytes, or it vouches for ours, the file was damaged.
                self._require_same(shard, receipt)
                quarantine(self.root, name, other.sha256)
            else:
                return
        raise IntegrityError(
            f"{self.root / name}: another writer keeps publishing other bytes; stop it and run one at a time"
        )


def read_job(root: Path) -> Any:
    """The content of a folder's job.json, not yet known to be a job.

    Raises:
        IntegrityError, FormatError: there is none that can be read.
    """
    return parse_canonical(read_whole(root, JOB_FILE, MAX_JSON_BYTES), root / JOB_FILE)


def _shown_differences(found: Any, wanted: Any) -> str:
    where = list(differences(found, wanted))
    # The table of parameters follows from arch.dims, which says the same in a few numbers.
    where = [line for line in where if not line.startswith("arch.parameters: ")] or where
    more = f" and {len(where) - _DIFFERENCES_SHOWN} more" if len(where) > _DIFFERENCES_SHOWN else ""
    return ", ".join(where[:_DIFFERENCES_SHOWN]) + more
