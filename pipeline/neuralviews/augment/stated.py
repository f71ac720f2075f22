"""What the job of an augmented store states of its plan and its ancestors, checked once and typed."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from ..errors import FormatError
from ..fit.lineage import LINKS, jobs
from .plan import Reject

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Ancestor", "StatedCopies", "StatedPipeline", "StatedPlan", "ancestors", "stated_copies"]

_Kind = TypeVar("_Kind")
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,63}\Z")]
_StoreName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,4095}\Z")]


class StatedPipeline(msgspec.Struct, frozen=True):
    """A pipeline as the plan has it: operations, each with all its settings.

    Operations need not be known here: a later neuralviews may have made the store.
    """

    name: _Name
    steps: tuple[dict[str, Any], ...]


class StatedPlan(msgspec.Struct, frozen=True):
    """The plan behind a store, as far as it is read apart from making copies; see `plan.Plan`."""

    name: _Name
    seed: int
    copies: int
    splits: tuple[str, ...]
    reject: Reject
    pipelines: tuple[StatedPipeline, ...]


class StatedColumns(msgspec.Struct, frozen=True):
    """Which entries of the column ``params`` a pipeline uses: name and count of each stretch, in order."""

    name: _Name
    params: tuple[tuple[str, int], ...]


class StatedParent(msgspec.Struct, frozen=True):
    """The store whose records were augmented."""

    dataset_id: str
    job: dict[str, Any]


class StatedCopies(msgspec.Struct, frozen=True):
    """The part of a job that `augment` adds to what every store has; see `augment.job.plan_augment`."""

    name: _StoreName
    augmenter: int
    arithmetic: int
    plan: StatedPlan
    plan_digest: str
    operations: dict[str, int]
    pipelines: tuple[StatedColumns, ...]
    parent: StatedParent


class Ancestor(msgspec.Struct, frozen=True):
    """A store that another one descends from; ``digest`` is that of its plan, recipe or imported files."""

    dataset_id: str
    name: _StoreName
    kind: str
    digest: str


def stated_copies(store: "Store") -> StatedCopies:
    """Check and type what an augmented store's job states.

    Raises:
        FormatError: it was not made by `augment`.
    """
    return _convert(f"{store.root}: job", store.made_by, StatedCopies)


def ancestors(store: "Store") -> Iterator[Ancestor]:
    """The stores that an augmented store descends from: its parent first, last that of fields not augmented.

    Raises:
        FormatError: a job does not state what neuralviews writes.
    """
    (_, job), *before = jobs(f"{store.root}: job", store.job)
    for where, ancestor in before:
        origin, kind = job[LINKS[job["kind"]]], str(ancestor.get("kind"))
        made_by = ancestor
        while made_by.get("kind") == "subset":
            made_by = made_by["of"]["job"]  # exists, or `jobs` had refused it
        table = {"name": made_by.get("name"), "digest": _digest(made_by), "kind": kind}
        yield _convert(where, {**table, "dataset_id": origin.get("dataset_id")}, Ancestor)
        job = ancestor


def _digest(job: Mapping[str, Any]) -> object:
    """What tells a job from others of its name."""
    if job.get("kind") == "import":
        source = job.get("source")
        return source.get("sha256") if isinstance(source, Mapping) else None
    return job.get("plan_digest" if job.get("kind") == "augment" else "recipe_digest")


def _convert(where: str, table: Mapping[str, Any], kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(dict(table), kind)
    except msgspec.ValidationError as error:
        raise FormatError(f"{where}: {error}; expected what `neuralviews augment` writes") from None
