"""The job of an augmented store: everything that decides its bytes."""

from typing import TYPE_CHECKING, Any

from ..fit.ordered import VERSION as ARITHMETIC
from ..store.schema import FORMAT_VERSION, STORE_FORMAT
from ..work.sizes import rows_per_shard
from .base import Augmentation, column_count
from .batch import Context
from .parents import Copies
from .plan import Plan

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["AUGMENTER", "plan_augment"]

AUGMENTER = 1
"""Raised whenever the same plan and parents would give other bytes than before, apart from an operation's own
version."""

_ROWS_WORTH_A_SHARD = 1024
"""Making so many copies takes some tens of milliseconds; publishing a shard takes several."""
_ROWS_WORTH_A_SHARD_OF_FITS = 64
"""Copies that are fitted again take milliseconds each."""


def plan_augment(store: "Store", plan: Plan, context: Context, copies: Copies) -> dict[str, Any]:
    """The content of ``job.json``: equal jobs make equal stores."""
    pipelines, params = [], 1
    for pipeline in plan.pipelines:
        parameters = pipeline.steps.parameters(context)
        params = max(params, column_count(parameters))
        pipelines.append({"name": pipeline.name, "params": [[p.name, p.count] for p in parameters]})
    row_bytes = 4 * (context.spec.parameters + params)
    fits = any(step.needs_target for pipeline in plan.pipelines for step in pipeline.steps.steps)
    step = _ROWS_WORTH_A_SHARD_OF_FITS if fits else _ROWS_WORTH_A_SHARD
    slots = _slots(store) * (2 if any(pipeline.steps.partner for pipeline in plan.pipelines) else 1)
    return {
        "format": STORE_FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": "augment",
        "augmenter": AUGMENTER,
        "arithmetic": ARITHMETIC,
        "name": f"{store.job['name']}-{plan.name}",
        "plan": plan.canonical(),
        "plan_digest": plan.digest(),
        "operations": _versions([step for pipeline in plan.pipelines for step in pipeline.steps.steps]),
        "pipelines": pipelines,
        "parent": {"dataset_id": store.dataset_id, "rows": len(store), "job": dict(store.job)},
        "rows": len(copies),
        "rows_per_shard": rows_per_shard(row_bytes, len(copies), step),
        "columns": {"classes": slots, "params": params},
        "arch": context.spec.to_json(),
    }


def _slots(store: "Store") -> int:
    """How many classes a label of the parents may have a share in."""
    if store.kind == "augment":
        return int(store.job["columns"]["classes"])
    return 1


def _versions(steps: list[Augmentation]) -> dict[str, int]:
    """Version of every operation in use, those inside of others too."""
    found = {}
    for step in steps:
        found[step.name] = step.version
        for value in vars(step).values():
            if isinstance(value, tuple) and value and all(isinstance(item, Augmentation) for item in value):
                found |= _versions(list(value))
    return dict(sorted(found.items()))
