"""From a store's job to the job of the fields that its records descend from."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import FormatError

__all__ = ["LINKS", "Job", "first_job", "jobs"]

Job = Mapping[str, Any]

LINKS = {"augment": "parent", "subset": "of"}
"""Kind of a store -> the key under which its job names the store that its records are from."""


def jobs(where: str, job: Job) -> Iterator[tuple[str, Job]]:
    """A job, that of the store it is from, that of the one which that is from, ..., each with its place.

    Raises:
        FormatError: one does not state the next, or fields change their shape on the way.
    """
    yield where, job
    while link := LINKS.get(str(job.get("kind"))):
        origin = job.get(link)
        before = origin.get("job") if isinstance(origin, Mapping) else None
        if not isinstance(before, Mapping):
            raise FormatError(
                f"{where}: states no job of its parent; expected what `neuralviews {_MAKERS[link]}` writes"
            )
        if before.get("arch") != job.get("arch"):
            raise FormatError(f"{where}: arch is not that of its parent; the job was edited")
        where, job = f"{where}: {link}.job", before
        yield where, job


def first_job(where: str, job: Job) -> Job:
    """The job at the end of the chain: of fields that were fitted or imported.

    Raises:
        FormatError: as `jobs`.
    """
    *_, (_, first) = jobs(where, job)
    return first


_MAKERS = {"parent": "augment", "of": "download"}
