"""A whole store brought next to one reference field: into one basin, as far as symmetries can."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import PlanError, SpecError
from ..records import Split
from ..store.reader import Store, open_store
from ..symmetry.group import Group
from ..work.shards import Sharing
from .align_to import AlignTo
from .compose import Compose
from .parents import parents_of
from .plan import Pipeline, Plan, Reject
from .run import AugmentReport, augment_store

__all__ = ["align_plan", "align_store"]

_DEFAULTS = Sharing()
_FIELDS = 4096
_BLOCK = 512


def align_store(
    parent: Store | str | Path,
    out: str | Path,
    *,
    reference: Literal["mean"] | str | Path = "mean",
    group: Group = "phase",
    sharing: Sharing = _DEFAULTS,
) -> AugmentReport:
    """Align every usable record of a store to one reference, into a new store.

    Args:
        reference: ``"mean"``: the iterated mean of up to 4,096 training fields, evenly spread; or a store
            that was aligned before, whose reference is taken again.
        group: the symmetries that may be used.
    Raises:
        PlanError: the reference is neither, or there is no training field.
        SpecError: the fields of the reference have another shape.
        Others as `augment_store`.
    """
    store = open_store(parent)
    return augment_store(store, align_plan(store, reference, group), out, sharing)


def align_plan(store: Store, reference: Literal["mean"] | str | Path, group: Group) -> Plan:
    """The plan of `align_store`; the reference itself is part of it."""
    text = _mean(store, group) if reference == "mean" else _taken_from(Path(reference), store)
    splits = tuple(split for split in Split if (store.column("split") == split).any())
    steps = Compose([AlignTo(text, group)])
    return Plan("aligned", "", 0, 1, splits, None, Reject(), (Pipeline("aligned", steps),))


def _mean(store: Store, group: Group) -> str:
    from ..symmetry.reference import mean_reference

    every = Plan("reference", "", 0, 1, (Split.train,), None, Reject(), ())
    try:
        parents = parents_of(store, every)
    except PlanError:
        raise PlanError(
            f"{store.root}: has no usable training field to take a mean of; "
            "choose as reference a store that was aligned"
        ) from None
    chosen = parents[np.linspace(0, len(parents) - 1, min(len(parents), _FIELDS)).astype(np.int64)]

    def blocks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(chosen), _BLOCK):
            yield store.weights(chosen[start : start + _BLOCK])

    return AlignTo.of(mean_reference(store.spec, blocks, group=group).weights).reference


def _taken_from(root: Path, store: Store) -> str:
    """The reference that another store was aligned to."""
    if not root.exists():
        raise PlanError(f"reference: found {str(root)!r}, expected 'mean' or the folder of an aligned store")
    other = open_store(root)
    if isinstance(other.made_by.get("plan"), Mapping):
        plan = Plan.checked(other.made_by["plan"], f"{root}: plan in job")
        for step in (step for pipeline in plan.pipelines for step in pipeline.steps.steps):
            if isinstance(step, AlignTo):
                if other.spec.dims != store.spec.dims or other.spec.omega != store.spec.omega:
                    raise SpecError(
                        f"{root}: aligned fields {list(other.spec.dims)}, omega {list(other.spec.omega)}; "
                        f"{store.root} has {list(store.spec.dims)}, omega {list(store.spec.omega)}: "
                        "choose a reference of the same shape"
                    )
                return step.reference
    raise PlanError(
        f"{root}: was not aligned to anything; expected 'mean', or a store that `neuralviews align` made"
    )
