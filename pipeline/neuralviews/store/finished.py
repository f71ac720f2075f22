"""A shard that is made and not yet published: its bytes, and the receipt that will vouch for them."""

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from ..errors import IntegrityError, SpecError
from ..records import Records
from .checks import record_problems
from .files import Buffer
from .image import shard_image
from .job import Job
from .layout import RowLayout
from .manifest_schema import Receipt
from .schema import shard_name

__all__ = ["FinishedShard"]


@dataclass(frozen=True, eq=False)
class FinishedShard:
    """All that a writer needs to publish a shard.

    Attributes:
        parts: the file in pieces, in order.
    """

    receipt: Receipt
    parts: list[Buffer]

    @classmethod
    def of(cls, job: Job, shard: int, records: Records) -> Self:
        """The file of a shard's records; the same on every machine.

        Raises:
            SpecError: the records are not those of this shard, or not finite.
        """
        rows = job.row_range(shard)
        if records.spec != job.spec or len(records) != len(rows):
            raise SpecError(
                f"shard {shard}: found {len(records)} records of {list(records.spec.dims)}, "
                f"expected {len(rows)} of {list(job.spec.dims)} with the conventions of the job"
            )
        if RowLayout.of(records) != job.layout:
            raise SpecError(f"shard {shard}: found {RowLayout.of(records)}, the job has {job.layout}")
        for problem in record_problems(records, job, shard):
            raise SpecError(f"shard {shard}: {problem}")
        image = shard_image(records, job, shard)
        return cls(Receipt(shard_name(shard), image.bytes, image.sha256(), len(rows), job.id), image.parts)

    def packed(self) -> Self:
        """In one piece, as it can be sent to another process."""
        return replace(self, parts=[b"".join(self.parts)])

    def require_whole(self, job: Job, shard: int) -> None:
        """Refuse a shard that did not arrive as it was sent, or is not the one that was asked for.

        Raises:
            IntegrityError: says what differs.
        """
        digest, size = hashlib.sha256(), 0
        for part in self.parts:
            digest.update(part)
            size += memoryview(part).nbytes
        expected = Receipt(
            shard_name(shard),
            size,
            digest.hexdigest(),
            len(job.row_range(shard)),
            job.id,
        )
        if self.receipt != expected:
            raise IntegrityError(
                f"shard {shard}: arrived as {expected}, was sent as {self.receipt}; "
                "run the same command again"
            )
