"""What commands say of augmented copies alone: their plan, the stores they descend from, and rejections."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .text import table

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["copies_facts", "origin_rows", "rejected_row", "rejected_text"]


def copies_facts(store: "Store") -> dict[str, Any]:
    """Plan, operations, ancestors and rejected copies, as JSON values.

    Raises:
        FormatError: the job does not state them.
    """
    import msgspec

    from ..augment.stated import ancestors, stated_copies
    from ..records import Status

    stated = stated_copies(store)
    lineage = [
        {"dataset_id": a.dataset_id, "name": a.name, "kind": a.kind, "digest": a.digest}
        for a in ancestors(store)
    ]
    return {
        "name": stated.name,
        "plan": {**store.made_by["plan"], "reject": msgspec.to_builtins(stated.plan.reject)},
        "plan_digest": stated.plan_digest,
        "operations": stated.operations,
        "parent": lineage[0],
        "lineage": lineage,
        "rejected": store.manifest.summary.status[Status.diverged.name],
    }


def origin_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as lines of text; a reference's weights are only counted."""
    from ..report.wording import step_text

    plan = facts["plan"]
    copies, splits = plan["copies"], ", ".join(plan["splits"])
    each = f"{copies:,} cop{'y' if copies == 1 else 'ies'} of each record of {splits} by each pipeline"
    rows = [("plan", f"{plan['name']}, digest {facts['plan_digest'][:16]}, seed {plan['seed']}: {each}")]
    for pipeline in plan["pipelines"]:
        rows.append((f"  {pipeline['name']}", ", then ".join(map(step_text, pipeline["steps"]))))
    for place, ancestor in enumerate(facts["lineage"]):
        rows.append(("its parent" if place else "parent", f"{ancestor['dataset_id']} {ancestor['name']}"))
    return rows


def rejected_row(facts: dict[str, Any]) -> tuple[str, str]:
    """How many copies were rejected, and by which rules; their pipelines are not in the manifest."""
    rules = facts["plan"]["reject"]
    floors = {"min_psnr": rules["min_psnr"], "min_share": rules["min_share"] or None}
    told = [f"{name} {floor:g}" for name, floor in floors.items() if floor is not None]
    text = f"{facts['rejected']:,} copies"
    if told:
        text += f" ({', '.join(told)}, attempts {rules['attempts']})"
    return "rejected", text + ("; `neuralviews stats` says of which pipelines" if facts["rejected"] else "")


def rejected_text(pipelines: Mapping[str, tuple[int, int]]) -> str:
    """The copies and the rejected ones of each pipeline that lost some; none of them may be left."""
    rows = [
        (name, f"{rejected:,}", f"of {made:,}" + (": none is left" if rejected == made else ""))
        for name, (made, rejected) in pipelines.items()
        if rejected
    ]
    total = sum(rejected for _, rejected in pipelines.values())
    lines = table(rows[0], rows[1:], right=[1]).replace("\n", "\n  ")
    return f"{total:,} copies were rejected at every attempt; no dataset serves them\n  {lines}"
