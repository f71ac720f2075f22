"""Verification of a finished store, from cheap to thorough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from ..errors import IntegrityError, OptionError, StoreError
from .canonical import canonical_json
from .files import open_regular, read_whole
from .job import Job
from .lineage import Lineage
from .manifest import checksums, receipt_of
from .manifest_schema import ShardEntry
from .mapping import require_bytes, require_size
from .reader import Store, open_store
from .schema import AUGMENT, JOB_FILE, MANIFEST_FILE, MAX_JSON_BYTES, SUMS_FILE, receipt_name
from .strays import require_no_strays

__all__ = ["Level", "VerifyReport", "verify"]

Level = Literal["quick", "full", "semantic"]

_PROBLEMS_SHOWN = 20
_QUICK = (
    "job, receipts and checksums follow from the manifest",
    "every shard is there in its size, and no other",
)
_FULL = (*_QUICK, "sha256 of every file")
_SEMANTIC = (
    *_FULL,
    "every shard passes the strict opener, and its offsets are the manifest's",
    "records are numbered without gaps; weights, known PSNR and loss are finite, and no loss is negative",
    "splits belong to objects, and no object has a view twice",
    "the summary follows from the records",
)
_COPIES = "copies name a parent and a pipeline; their shares are in range, and their labels follow from them"
_SHAPES = "IoU and errors of shapes are in range; what is known of a shape is the same in all its views"
_LINEAGE = "every copy has the object and the split of its parents: no copy crosses a split"
_CHECKS: dict[Level, tuple[str, ...]] = {"quick": _QUICK, "full": _FULL, "semantic": _SEMANTIC}
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class VerifyReport:
    """What was proven of a store; a store with a problem gives an error instead."""

    level: Level
    dataset_id: str
    shards: int
    rows: int
    bytes: int
    checks: tuple[str, ...]


def verify(
    root: Store | str | Path, level: Level = "full", parent: Store | str | Path | None = None
) -> VerifyReport:
    """Prove a finished store; each level includes those before it, and nothing is trusted from earlier reads:
    of an open store its folder alone counts.

    ``quick`` compares job, checksums, receipts and sizes with the manifest; ``full`` also every byte;
    ``semantic`` also opens every shard strictly and checks its records, the splits and the summary.

    Args:
        parent: the store that augmented copies were made from; level ``semantic`` then also compares every
            copy with its parents.
    Raises:
        OptionError: no such level, a parent where there is none, or at a level that compares nothing with it.
        StoreError: for a single problem its own error, which names the file; for several an IntegrityError
            with a note for each (``__notes__``). A manifest that cannot be read and a parent that is
            another store are reported at once.
    """
    if level not in get_args(Level):
        raise OptionError(
            f"level: found {level!r}, expected one of {', '.join(get_args(Level))}; "
            "to make records again run `neuralviews verify --level regenerate`"
        )
    if parent is not None and level != "semantic":
        raise OptionError(f"parent: level {level!r} compares nothing with it; choose level 'semantic'")
    store = open_store(root.folder if isinstance(root, Store) else root)
    job = Job.parse(store.job, store.root / MANIFEST_FILE)
    lineage = None if parent is None else Lineage.open(parent, job, store.root)
    problems = _Problems()
    _compare_texts(store, job, problems)
    problems.attempt(require_no_strays, store.root, job.shard_count)
    if level == "semantic":
        _examine(store, job, lineage, problems)
    else:
        for entry in store.manifest.shards:
            problems.attempt(_require_shard, store.root, entry, level == "full")
    problems.report(store.root)
    size = sum(entry.bytes for entry in store.manifest.shards)
    checks = (*_CHECKS[level], *_other_checks(level, job, lineage))
    return VerifyReport(level, store.dataset_id, job.shard_count, job.rows, size, checks)


def _other_checks(level: Level, job: Job, lineage: Lineage | None) -> Iterator[str]:
    """What was proven of augmented copies or of shapes alone."""
    if level == "semantic" and job.kind == AUGMENT:
        yield _COPIES
    if level == "semantic" and job.layout.repairs:
        yield _SHAPES
    if lineage is not None:
        yield _LINEAGE


class _Problems:
    """Errors collected on the way, so that one report names every damaged file."""

    def __init__(self) -> None:
        self._errors: list[StoreError] = []

    def add(self, error: StoreError) -> None:
        # A damaged shard of the parent is in the way of every shard of copies.
        if str(error) not in map(str, self._errors[:_PROBLEMS_SHOWN]):
            self._errors.append(error)

    def attempt(self, action: Callable[..., _Value], *args: Any) -> _Value | None:
        """The action's value; None once its error was collected."""
        try:
            return action(*args)
        except StoreError as error:
            self.add(error)
            return None

    def report(self, root: Path) -> None:
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            found = IntegrityError(f"{root}: {len(self._errors)} problems; the first is {self._errors[0]}")
            for error in self._errors[:_PROBLEMS_SHOWN]:
                found.add_note(str(error))
            if len(self._errors) > _PROBLEMS_SHOWN:
                found.add_note(f"and {len(self._errors) - _PROBLEMS_SHOWN} more")
            raise found


def _compare_texts(store: Store, job: Job, problems: _Problems) -> None:
    """Every file but manifest and shards follows from the manifest to the byte."""
    expected = {JOB_FILE: canonical_json(store.job)}
    for shard, entry in enumerate(store.manifest.shards):
        expected[receipt_name(shard)] = receipt_of(entry, job)
    # Last, because whatever is wrong with the manifest itself shows here and nowhere else.
    expected[SUMS_FILE] = checksums(store.manifest, job, store.dataset_id)
    for name, content in expected.items():
        problems.attempt(_require_content, store.root, name, content)


def _require_content(root: Path, name: str, content: bytes) -> None:
    if read_whole(root, name, MAX_JSON_BYTES) != content:
        raise IntegrityError(
            f"{root / name}: does not follow from {MANIFEST_FILE}: one of the two was changed, restore it"
        )


def _require_shard(root: Path, entry: ShardEntry, whole: bool) -> None:
    with open_regular(root, entry.file) as fd:
        require_size(fd, root / entry.file, entry.bytes)
        if whole:
            require_bytes(fd, root / entry.file, entry.bytes, entry.sha256)


def _examine(store: Store, job: Job, lineage: Lineage | None, problems: _Problems) -> None:
    from .examine import examine_shard, summarize
    from .totals import Totals

    totals, whole = Totals(job), True
    for shard, entry in enumerate(store.manifest.shards):
        found = problems.attempt(examine_shard, store.root, job, shard, entry, lineage)
        if found is None:
            whole = False
            continue
        if found.entry != entry:
            problems.add(IntegrityError(f"{store.root / entry.file}: {MANIFEST_FILE} describes it otherwise"))
        totals.add(found.columns)
    if whole:
        summary = problems.attempt(summarize, store.root, totals)
        if summary is not None and summary != store.manifest.summary:
            problems.add(
                IntegrityError(f"{store.root / MANIFEST_FILE}: the summary does not follow from the records")
            )
