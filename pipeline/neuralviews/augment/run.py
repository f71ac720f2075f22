"""From a store and a plan to an augmented store: plan, resume, share the shards, publish the manifest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import IntegrityError, OutputError
from ..records import Records, Status
from ..store.object_runs import object_problems
from ..store.reader import Store, open_store
from ..store.space import check_space
from ..store.writer import StoreWriter
from ..work.shards import Sharing, complete, is_finished, make_shards
from .job import plan_augment
from .parents import Copies, largest_view, parents_of
from .plan import Plan, load_plan
from .rows import maker_of
from .supply import Supply

if TYPE_CHECKING:
    from ..store.job import Job
    from ..work.worker import Progress

__all__ = ["AugmentReport", "augment_store"]

_DEFAULTS = Sharing()


@dataclass(frozen=True)
class AugmentReport:
    """What a run did.

    Attributes:
        made: records made by this run.
        missing: shards still missing in the store.
        dataset_id: once it is complete.
        rejected: records that the plan's rules turned down at every attempt, or that overflowed, once it
            is complete.
    """

    made: int
    missing: int
    dataset_id: str | None
    rejected: int


def augment_store(
    parent: Store | str | Path, plan: Plan | str | Path, out: str | Path, sharing: Sharing = _DEFAULTS
) -> AugmentReport:
    """Make the augmented store of a plan, or go on with it: bytes never depend on the way.

    Args:
        parent: the store whose records are augmented; it may be an augmented one.
        plan: a plan, its name, or the path of its file.
        out: folder of the new store.
    Raises:
        PlanError, SpecError, OptionError: such fields cannot be augmented like this; nothing was written.
        IntegrityError: a shard of the parent is not what was published, or its records cannot be right.
        OutputError: the folder cannot be written, is too small, or holds another job or the parent.
        Quarantined: some shards keep killing their workers; all others are made.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    store, root = open_store(parent), Path(out)
    if root.resolve().is_relative_to(store.folder.resolve()):
        raise OutputError(f"{root}: is or lies in the store that is augmented; choose another folder")
    plan = plan if isinstance(plan, Plan) else load_plan(plan)
    sharing.prove()
    copies = Copies(parents_of(store, plan), len(plan.pipelines), plan.copies)
    supply = Supply(store, copies.parents)
    copies.require_views(largest_view(store, plan))
    _require(supply, plan)
    job = plan_augment(store, plan, supply.context, copies)
    if is_finished(root, job):
        return _report(root, 0)
    check_space(root, job)
    writer = StoreWriter(root, job)
    maker = _Maker(sharing.everywhere(root), sharing.everywhere(store.folder))
    made = make_shards(writer, maker, sharing)
    missing, _ = complete(writer, made)
    return AugmentReport(made, missing, None, 0) if missing else _report(root, made)


def _report(root: Path, made: int) -> AugmentReport:
    store = open_store(root)
    return AugmentReport(made, 0, store.dataset_id, store.manifest.summary.status[Status.diverged.name])


def _require(supply: Supply, plan: Plan) -> None:
    """Refuse before anything is written what could only fail later."""
    store = supply.store
    for problem in object_problems(store):
        raise IntegrityError(f"{store.root}: {problem}; make the store again")
    for pipeline in plan.pipelines:
        supply.require(pipeline.steps)


@dataclass(frozen=True)
class _Maker:
    """Where a run writes, and where its parents are; see `work.worker.Maker`."""

    root: Path
    parent: Path

    def open(self, job: "Job") -> "Callable[[range, Progress], Records]":
        """Open the parents."""
        return maker_of(job.content, open_store(self.parent)).make
