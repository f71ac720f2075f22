"""The job of an augmented store: everything that decides its bytes."""

from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..fit.facts import field_facts
from ..fit.ordered import VERSION as ARITHMETIC
from ..store.schema import FORMAT_VERSION, MAX_CLASSES, STORE_FORMAT
from ..work.sizes import rows_per_shard
from .base import Augmentation, column_count
from .batch import Context
from .parents import Copies
from .plan import Plan
from .stated import ancestors, stated_copies

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["AUGMENTER", "plan_augment"]

AUGMENTER = 1
"""Raised whenever the same plan and parents would give other bytes than before, apart from an operation's own
version."""

_MOST_ANCESTORS = 32
"""Each nests its job within that of the next, and JSON of stores is at most `MAX_DEPTH` deep."""
_ROWS_WORTH_A_SHARD = 1024
"""Making so many copies takes some tens of milliseconds; publishing a shard takes several."""
_ROWS_WORTH_A_SHARD_OF_FITS = 64
"""Copies that are fitted again take milliseconds each."""


def plan_augment(store: "Store", plan: Plan, context: Context, copies: Copies) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores.

    Raises:
        OptionError: more classes in a label, or more ancestors, than a store can state.
        FormatError: the store does not state what copies of it must repeat.
    """
    pipelines, params = [], 1
    for pipeline in plan.pipelines:
        parameters = pipeline.steps.parameters(context)
        params = max(params, column_count(parameters))
        pipelines.append({"name": pipeline.name, "params": [[p.name, p.count] for p in parameters]})
    fits = any(step.needs_target for pipeline in plan.pipelines for step in pipeline.steps.steps)
    step = _ROWS_WORTH_A_SHARD_OF_FITS if fits else _ROWS_WORTH_A_SHARD
    slots = _slots(store, plan, context.classes)
    row_bytes = 4 * (context.spec.parameters + params + 2 * slots)
    return {
        "format": STORE_FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": "augment",
        "augmenter": AUGMENTER,
        "arithmetic": ARITHMETIC,
        "name": f"{_name(store)}-{plan.name}",
        "plan": plan.canonical(),
        "plan_digest": plan.digest(),
        "operations": _versions(
            [step for pipeline in plan.pipelines for step in pipeline.steps.steps], context
        ),
        "pipelines": pipelines,
        "parent": {"dataset_id": store.dataset_id, "rows": len(store), "job": dict(store.job)},
        "rows": len(copies),
        "rows_per_shard": rows_per_shard(row_bytes, len(copies), step),
        "columns": {"classes": slots, "params": params},
        "arch": context.spec.to_json(),
    }


def _name(store: "Store") -> str:
    """Of a store that may be augmented.

    Raises:
        OptionError: it descends from so many others that no job could state them.
    """
    if store.kind != "augment":
        return field_facts(store).name
    if len(list(ancestors(store))) >= _MOST_ANCESTORS:
        raise OptionError(
            f"{store.root}: descends from {_MOST_ANCESTORS} stores, and its copies from one more than can be "
            "stated; augment one of those instead"
        )
    return stated_copies(store).name


def _slots(store: "Store", plan: Plan, classes: int) -> int:
    """How many classes a label of the copies may have a share in.

    Raises:
        OptionError: more than a store can hold.
    """
    slots = int(store.made_by["columns"]["classes"]) if store.kind == "augment" else 1
    if any(pipeline.steps.partner for pipeline in plan.pipelines):
        mixed = max(slots, min(2 * slots, classes))
        # Hard labels need no second slot, and have one as long as there is room: as in all stores so far.
        slots = slots if mixed > MAX_CLASSES and not _mixes_labels(plan) else mixed
    if slots > MAX_CLASSES:
        raise OptionError(
            f"plan {plan.name}: copies of {store.root} could have shares in {slots} classes, "
            f"at most {MAX_CLASSES}; mix the store that this one was mixed from, or mix with labels = 'hard'"
        )
    return slots


def _mixes_labels(plan: Plan) -> bool:
    """Whether some copies have classes of both parents."""
    steps = (step for pipeline in plan.pipelines for step in pipeline.steps.steps)
    return any(step.partner and getattr(step, "labels", "soft") == "soft" for step in steps)


def _versions(steps: list[Augmentation], context: Context) -> dict[str, int]:
    """Version of every operation in use, those inside of others too."""
    found = {}
    for step in steps:
        found[step.name] = step.version_for(context)
        for value in vars(step).values():
            if isinstance(value, tuple) and value and all(isinstance(item, Augmentation) for item in value):
                found |= _versions(list(value), context)
    return dict(sorted(found.items()))
